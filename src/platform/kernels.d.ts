// The bundler turns an import of WebAssembly into its bytes.
declare module '#kernels/*' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
