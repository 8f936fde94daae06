import type { WatchHost } from 'typescript';

/**
 * The same host, which does not watch what lies in packages: one by one those are thousands of files and folders, of which a system may
 * let its users watch 8192 in all. That a package is installed is still seen, and does not stop the kernel any more.
 */
export function calmWatch<Host extends WatchHost>(host: Host): Host {
  const cwd = process.cwd();
  // The notebook itself may lie in a package.
  const inPackages = (path: string): boolean =>
    /(^|[\\/])node_modules([\\/]|$)/.test(path.startsWith(cwd) ? path.slice(cwd.length) : path);
  const calm: WatchHost = {
    watchFile: (path, ...rest) => (inPackages(path) ? { close: () => undefined } : host.watchFile(path, ...rest)),
    watchDirectory: (path, callback, recursive, options) =>
      host.watchDirectory(path, callback, recursive && !inPackages(path), options),
    // tslab has room for one timer, which builds the next program, and throws from then on when there is another. The other one
    // would only do sooner what the next program does in any case: look again for what was not found.
    setTimeout: (callback, ...rest): unknown =>
      callback.name === 'invalidateResolutionsOfFailedLookup' ? undefined : host.setTimeout?.(callback, ...rest),
  };
  return { ...host, ...calm };
}
