import { differingSettings, runsCsv } from '../../../experiments/results/runTable.js';
import { key, whyNot } from '../../live/browser/connection.js';
import { byId, element, Notices } from '../../live/browser/elements.js';
import { applyStoredTheme, prepareTheme } from '../../report/browser/theme.js';
import { MOST_CHOSEN, type ListedRun, type RunCurves, type RunsPatch } from '../protocol.js';
import { Choice } from './choice.js';
import { CurvesView, type ChosenRun } from './curvesView.js';
import { filterOf } from '../filter.js';
import { RunsTable, sorted } from './table.js';

applyStoredTheme();
// The token is no longer needed.
history.replaceState(null, '', `${location.pathname}${location.hash}`);

const REFRESH_MILLISECONDS = 1000;
/** How many of the newest runs are chosen by default. */
const CHOSEN_FIRST = 4;
/** How many rows are shown at first, and added whenever more are asked for. */
const ROWS = 200;

function start(): void {
  const notices = new Notices(byId('notices'));
  const runs = new Map<string, ListedRun>();
  const curves = new Map<string, RunCurves>();
  let seen = '';
  let rows = ROWS;

  const choice = new Choice(() => changed());
  const filter = byId<HTMLInputElement>('filter');
  const more = byId('more-runs');
  const table = new RunsTable(byId('table'), choice, {
    choose(id) {
      const many = choice.toggle(id) ? undefined : `At most ${MOST_CHOSEN} runs can be chosen at once.`;
      notices.say('many', many, [], true);
      changed();
    },
    sort(column) {
      choice.sortBy(column);
      show();
    },
  });
  const view = new CurvesView(byId('figures'), byId('chosen'), (id) => {
    choice.toggle(id);
    changed();
  });

  /** The runs that match the filter, oldest first. */
  const shown = (): ListedRun[] => [...runs.values()].filter(filterOf(choice.filter));
  const readable = (all: readonly ListedRun[]): ListedRun[] => all.filter(({ fault }) => fault === undefined);

  const show = (): void => {
    const some = shown();
    const ordered = sorted(some, choice);
    table.show(ordered.slice(0, rows), differingSettings(readable(some)));
    more.hidden = ordered.length <= rows;
    more.textContent = `Show ${Math.min(ROWS, ordered.length - rows)} more of ${ordered.length}`;
    const training = some.filter(({ state }) => state === 'training').length;
    const all = runs.size === 0 ? 'No runs yet' : runs.size === 1 ? '1 run' : `${runs.size} runs`;
    const count = some.length === runs.size ? all : `${some.length} of ${all}`;
    byId('count').textContent = training > 0 ? `${count}, ${training} training` : count;
    const chosen = choice.runs.flatMap(([id, place]): ChosenRun[] => {
      const run = runs.get(id);
      return run ? [{ run, place, curves: curves.get(id) }] : [];
    });
    view.show(chosen);
  };

  /** Applies what the server says has changed; returns whether anything has. */
  const take = (patch: RunsPatch): boolean => {
    const before = seen;
    seen = `${patch.epoch}:${patch.version}`;
    if (!before.startsWith(`${patch.epoch}:`)) {
      runs.clear();
      curves.clear();
    }
    for (const run of patch.runs) runs.set(run.id, run);
    for (const [id, own] of Object.entries(patch.curves)) curves.set(id, own);
    if (patch.order) {
      const ordered = patch.order.flatMap((id) => runs.get(id) ?? []);
      runs.clear();
      for (const run of ordered) runs.set(run.id, run);
      table.keep(new Set(runs.keys()));
    }
    return before === '' || patch.runs.length > 0 || patch.order !== undefined || Object.keys(patch.curves).length > 0;
  };

  let asking = Promise.resolve();
  const refresh = async (): Promise<void> => {
    if (document.hidden) return;
    const asked = new URLSearchParams({ seen });
    for (const [id] of choice.runs) asked.append('run', `${id}:${curves.get(id)?.version ?? 0}`);
    const response = await fetch(`/api/runs?${asked}`, { headers: { 'X-Key': key } }).catch(() => undefined);
    notices.say('link', response?.ok ? undefined : await whyNot(response));
    if (!response?.ok) return;
    if (take((await response.json()) as RunsPatch)) show();
    if (choice.made || runs.size === 0) return;
    choice.take(
      readable([...runs.values()].reverse())
        .slice(0, CHOSEN_FIRST)
        .map(({ id }) => id),
    );
    await refresh();
  };
  /** Sends one request after another: an answer that overtakes an earlier one would be undone by it. */
  const ask = (): Promise<void> => (asking = asking.then(refresh).catch(() => undefined));
  const changed = (): void => {
    filter.value = choice.filter;
    show();
    void ask();
  };

  filter.value = choice.filter;
  filter.addEventListener('input', () => {
    choice.filter = filter.value;
    choice.write();
    rows = ROWS;
    show();
  });
  more.addEventListener('click', () => {
    rows += ROWS;
    show();
  });
  byId('csv').addEventListener('click', () => download('runs.csv', runsCsv(readable(shown()))));
  document.addEventListener('visibilitychange', () => void ask());
  prepareTheme();
  const again = (): unknown => ask().then(() => setTimeout(again, REFRESH_MILLISECONDS));
  again();
}

function download(name: string, text: string): void {
  const href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  element('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

document.addEventListener('DOMContentLoaded', start);
