// What the bundler makes of an import of WebAssembly: its bytes.
declare module '#kernels/*' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
