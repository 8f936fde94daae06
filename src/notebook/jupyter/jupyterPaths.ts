import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of this package; this file is built to dist/notebook/jupyter/. */
export const packageRoot: string = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** The folder to put on JUPYTER_PATH so that Jupyter finds the project's own kernelspec. */
export const projectJupyterPath: string = join(packageRoot, 'src', 'notebook', 'jupyter');

type Environment = Record<string, string | undefined>;

/** The user's Jupyter data folder by Jupyter's own rules: JUPYTER_DATA_DIR, or the platform's place. */
export function userDataDir(
  env: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (env.JUPYTER_DATA_DIR) return env.JUPYTER_DATA_DIR;
  if (platform === 'darwin') return join(home, 'Library', 'Jupyter');
  if (platform === 'win32') return join(env.APPDATA ?? join(home, 'AppData', 'Roaming'), 'jupyter');
  return join(env.XDG_DATA_HOME ?? join(home, '.local', 'share'), 'jupyter');
}

/** Where kernelspecs are looked for, best first: the project's own, JUPYTER_PATH, the user's, the system's. */
export function jupyterPath(env: Environment = process.env, platform: NodeJS.Platform = process.platform): string[] {
  const named = (env.JUPYTER_PATH ?? '').split(delimiter).filter((path) => path !== '');
  const system =
    platform === 'win32'
      ? [join(env.PROGRAMDATA ?? 'C:\\ProgramData', 'jupyter')]
      : ['/usr/local/share/jupyter', '/usr/share/jupyter'];
  return [projectJupyterPath, ...named, userDataDir(env, platform), ...system];
}
