import { respondJson } from '../live/server/respond.js';
import { openLocalServer, respondNothing, type LocalServer, type Visit } from '../live/server/localServer.js';
import { runsPage } from './page.js';
import { WatchedRuns } from './watchedRuns.js';

/** The page of the runs of a folder, and what it asks for. */
async function answer(runs: WatchedRuns, folder: string, visit: Visit): Promise<void> {
  const { response, url, reads, sendPage } = visit;
  if (url.pathname === '/' && reads) return sendPage((key) => runsPage(folder, key));
  if (url.pathname === '/api/runs' && reads) {
    const { searchParams: asked } = url;
    const chosen = new Map(asked.getAll('run').map((run) => parseSeen(run)));
    return respondJson(response, 200, await runs.since(...parseSeen(asked.get('seen') ?? ''), chosen));
  }
  respondNothing(visit);
}

/** A name and a version, as pages write them: `name:12`. */
function parseSeen(text: string): [name: string, version: number] {
  const [, name = text, version = '0'] = /^(.*):(\d{1,15})$/s.exec(text) ?? [];
  return [name, Number(version)];
}

/**
 * Serves the page of a folder's runs to this machine alone: `folder` as it is shown, the port as {@link
 * openLocalServer} takes it. Throws a UserError when the port asked for is taken.
 */
export async function startRunsServer(root: string, folder: string, port?: number): Promise<LocalServer> {
  const server = await openLocalServer(port);
  const runs = new WatchedRuns(root);
  // While the browser starts.
  runs.look().catch(() => undefined);
  server.begin((visit) => answer(runs, folder, visit));
  return server;
}
