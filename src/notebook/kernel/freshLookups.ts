import type * as TypeScript from 'typescript';

type Host = TypeScript.WatchCompilerHost<TypeScript.BuilderProgram>;

/**
 * Finds what cells and the files beside them import, each time anew: a package may have been installed, or a file written, since the last
 * cell. The compiler by itself would watch for that, except in folders near the root of the file system. What declarations and packages
 * import is looked for once.
 */
export function freshLookups(
  ts: typeof TypeScript,
  options: TypeScript.CompilerOptions,
  host: Host,
): Required<Pick<Host, 'resolveModuleNameLiterals' | 'hasInvalidatedResolutions'>> {
  const kept = ts.createModuleResolutionCache(host.getCurrentDirectory(), (name) => name, options);
  const isKept = (file: string): boolean =>
    file.includes('/node_modules/') || (/\.d\.[cm]?ts$/.test(file) && !file.endsWith('/__prev__.d.ts'));
  return {
    resolveModuleNameLiterals: (literals, file, redirected, given, source) =>
      literals.map((literal) => {
        const mode = ts.getModeForUsageLocation(source, literal, given);
        return ts.resolveModuleName(literal.text, file, given, host, isKept(file) ? kept : undefined, redirected, mode);
      }),
    hasInvalidatedResolutions: (file) => !isKept(file),
  };
}
