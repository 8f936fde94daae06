import { shares } from '../../../experiments/results/runTable.js';
import { runStyle } from '../../../plots/runCurves.js';
import { element } from '../../live/browser/elements.js';
import type { ListedRun } from '../protocol.js';
import type { Choice } from './choice.js';

type Value = string | number | null;

interface Column {
  /** The name by which the table is sorted. */
  name: string;
  label: string;
  value: (run: ListedRun) => Value;
  /** How a value is shown. Default: as it is. */
  show?: (value: Value) => string;
  /** What it means. */
  title?: string;
}

const time = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });

const outcome = (name: string, label: string, title: string): Column => ({
  name,
  label,
  title,
  value: ({ numbers }) => numbers[name],
  show: (value) => (shares.has(name) ? (100 * Number(value)).toFixed(2) : String(value)),
});

/** What every run has, besides its settings. */
const fixed: Column[] = [
  { name: 'state', label: 'state', value: ({ state }) => state },
  { name: 'epochs', label: 'epochs', value: ({ epochs }) => epochs },
  outcome('validation.best', 'validation, %', 'Best accuracy on the validation images'),
  outcome('test.accuracy', 'test, %', 'Accuracy on the test images'),
  outcome('sparsity.complete', 'sparsity, %', 'Share of the parameters that is removed'),
  outcome('channels.closed', 'closed', 'Channels that are closed'),
];

const nameColumn: Column = { name: 'run', label: 'run', value: ({ id, name }) => name ?? id };

const beganColumn: Column = {
  name: 'began',
  label: 'began',
  value: ({ began }) => began,
  show: (value) => time.format(Number(value)),
};

const setting = (name: string): Column => ({
  name: `settings.${name}`,
  label: name,
  value: ({ settings }) => settings[name] ?? null,
});

/** Returns the runs in the order of a column; runs without a value come last in either direction. */
export function sorted(runs: readonly ListedRun[], { sort, down }: Pick<Choice, 'sort' | 'down'>): ListedRun[] {
  const value =
    [nameColumn, ...fixed, beganColumn].find(({ name }) => name === sort)?.value ??
    setting(sort.replace('settings.', '')).value;
  const of = (run: ListedRun): Value =>
    run.fault !== undefined && sort !== 'began' && sort !== 'run' ? null : value(run);
  return runs
    .map((run) => ({ run, at: of(run) }))
    .sort((a, b) => {
      if (a.at === null || b.at === null) return Number(a.at === null) - Number(b.at === null);
      return (down ? -1 : 1) * compare(a.at, b.at);
    })
    .map(({ run }) => run);
}

function compare(a: string | number, b: string | number): number {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? String(a).localeCompare(String(b)) : x - y;
}

interface Row {
  root: HTMLTableRowElement;
  box: HTMLInputElement;
  /** The run that it shows. */
  run?: ListedRun;
  settings?: string;
}

/** The table of the runs: one row per run, made again only when its run has changed. */
export class RunsTable {
  private readonly head = element('tr');
  private readonly body = element('tbody');
  private readonly rows = new Map<string, Row>();
  private heads = '';

  constructor(
    root: HTMLElement,
    private readonly choice: Choice,
    private readonly on: { choose: (id: string) => void; sort: (column: string) => void },
  ) {
    root.append(element('table', {}, element('thead', {}, this.head), this.body));
  }

  /** Shows runs in their order, with columns for these settings. */
  show(runs: readonly ListedRun[], settings: readonly string[]): void {
    const columns = [...fixed, ...settings.map(setting), beganColumn];
    const focused = document.activeElement;
    this.showHead([nameColumn, ...columns]);
    const names = settings.join('\n');
    const rows = runs.map((run) => this.rowOf(run, columns, names));
    if (rows.length !== this.body.children.length || rows.some((row, i) => this.body.children[i] !== row)) {
      this.body.replaceChildren(...rows);
    }
    // An element that is moved loses the focus.
    if (focused !== document.activeElement && focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  }

  /** Drops the rows of runs that are gone. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.rows.keys()) if (!ids.has(id)) this.rows.delete(id);
  }

  private showHead(columns: readonly Column[]): void {
    const { sort, down } = this.choice;
    const heads = JSON.stringify([columns.map(({ label }) => label), sort, down]);
    if (heads === this.heads) return;
    this.heads = heads;
    const inHead = this.head.contains(document.activeElement);
    this.head.replaceChildren(
      ...columns.map(({ name, label, title = label }) => {
        const button = element('button', { type: 'button', click: () => this.on.sort(name), title }, label);
        const order = name === sort && (down ? 'descending' : 'ascending');
        return element('th', { scope: 'col', 'aria-sort': order, 'data-column': name }, button);
      }),
    );
    if (inHead) this.head.querySelector<HTMLElement>('[aria-sort] button')?.focus({ preventScroll: true });
  }

  private rowOf(run: ListedRun, columns: readonly Column[], settings: string): HTMLTableRowElement {
    const row = this.rows.get(run.id) ?? this.newRow(run.id);
    const place = this.choice.placeOf(run.id);
    row.box.checked = place !== undefined;
    row.root.style.setProperty('--run', place === undefined ? '' : runStyle(place).color);
    if (row.run === run && row.settings === settings) return row.root;
    const said = element('span', { class: 'said' }, ...nameOf(run));
    const head = element('th', { scope: 'row' }, element('label', {}, row.box, said));
    const fault = element('td', { class: 'fault', colspan: String(columns.length) }, element('p', {}, run.fault ?? ''));
    row.root.replaceChildren(head, ...(run.fault === undefined ? columns.map((column) => cell(run, column)) : [fault]));
    row.box.disabled = run.fault !== undefined;
    Object.assign(row, { run, settings });
    return row.root;
  }

  private newRow(id: string): Row {
    const box = element('input', { type: 'checkbox', 'aria-label': `Show the curves of ${id}` });
    box.addEventListener('change', () => this.on.choose(id));
    const row: Row = { root: element('tr', { 'data-run': id }), box };
    this.rows.set(id, row);
    return row;
  }
}

/** The name of a run and its tags, with its id below; the id alone if it has no name. */
function nameOf({ id, name, tags }: ListedRun): HTMLElement[] {
  const chips = tags.map((tag) => element('span', { class: 'tag' }, tag));
  const called = name === null ? element('code', {}, id) : element('strong', {}, name);
  return [element('span', {}, called, ...chips), ...(name === null ? [] : [element('code', {}, id)])];
}

function cell(run: ListedRun, { name, value, show = String }: Column): HTMLTableCellElement {
  const own = value(run);
  if (own === null) return element('td');
  const isNumber = own !== '' && !Number.isNaN(Number(own));
  const attributes = {
    class: isNumber ? 'number' : '',
    ...(name === 'state' && { 'data-state': run.state.split(',')[0] }),
  };
  return element('td', attributes, show(own));
}
