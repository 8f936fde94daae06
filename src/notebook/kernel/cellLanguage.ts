import type * as TypeScript from 'typescript';

const NODE = Number(process.versions.node.split('.')[0]);

/** The names of the libraries whose types fit the Node that runs. */
function libraries(): string[] {
  if (NODE >= 24) return ['esnext'];
  if (NODE >= 22) return ['es2024', 'esnext.array', 'esnext.collection', 'esnext.iterator'];
  return ['es2023', 'es2024.regexp', 'es2024.string'];
}

/** The language of cells: what the Node that runs understands, modules as it finds them, packages as an `import` finds them. */
export function cellLanguage(ts: typeof TypeScript): TypeScript.CompilerOptions {
  return {
    // What an older Node lacks of its newest syntax (`using`) is spelled out.
    target: NODE >= 24 ? ts.ScriptTarget.ESNext : ts.ScriptTarget.ES2024,
    lib: libraries().map((name) => `lib.${name}.d.ts`),
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    customConditions: ['node'],
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    allowJs: true,
    esModuleInterop: true,
    experimentalDecorators: true,
    jsx: ts.JsxEmit.React,
  };
}
