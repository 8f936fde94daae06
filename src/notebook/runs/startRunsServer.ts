import { respondJson } from '../live/server/respond.js';
import { openLocalServer, respondNothing, type LocalServer, type Visit } from '../live/server/localServer.js';
import { WatchedRuns } from './watchedRuns.js';
import { page, themeButton } from '../live/server/pages.js';
import { markup } from '../render/markup.js';

/** Answers a request for the page of a folder's runs, or a request by that page. */
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
 * Serves the page of a folder's runs to this machine only; `folder` is the name to show, `port` is as in {@link
 * openLocalServer}. Throws a UserError if the requested port is taken.
 */
export async function startRunsServer(root: string, folder: string, port?: number): Promise<LocalServer> {
  const server = await openLocalServer(port);
  const runs = new WatchedRuns(root);
  // Starts reading while the browser starts.
  runs.look().catch(() => undefined);
  server.begin((visit) => answer(runs, folder, visit));
  return server;
}

/** Returns the page of a folder's runs; its script fills it, and keeps the key. */
export function runsPage(folder: string, key?: string): string {
  return page(
    'Runs',
    'runs.js',
    markup`<body class="runs">
<a class="skip" href="#runs">Skip to the runs</a>
<header class="bar">
<div class="row"><span class="home">sparsebook</span><span class="name">runs in <code>${folder}</code></span><span class="space"></span>${themeButton}</div>
<div id="notices" role="alert"></div>
</header>
<div class="panes">
<main id="runs" tabindex="-1" aria-label="Runs">
<search class="tools">
<input id="filter" type="search" placeholder="Filter: words, tags, lambda_l0=20, state:training" aria-label="Filter runs" autocomplete="off" spellcheck="false">
<span id="count" role="status">Reading …</span>
<button type="button" id="csv" title="What sparsebook runs --csv prints of the runs below">CSV</button>
</search>
<div id="table" class="scroll" role="region" tabindex="0" aria-label="Table of runs"></div>
<button type="button" id="more-runs" hidden></button>
</main>
<aside id="curves" aria-label="Curves of the chosen runs">
<ul id="chosen" class="chosen" aria-label="Chosen runs"></ul>
<div id="figures" class="figures"></div>
</aside>
</div>
<link rel="stylesheet" href="/assets/runs.css">
<noscript>This page needs JavaScript.</noscript>
</body>`,
    key,
  );
}
