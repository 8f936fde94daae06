import { createHash } from 'node:crypto';
import { type CellNames, type Statement, statementsIn } from './cellNames.js';
import { changedBy, type Names } from './dependents.js';
import { cellsToRun } from './links.js';
import { linksOf, type ReadCells } from './runPlan.js';

/** What names hold at a place of the document, as keys: another key is, or may be, another value. */
type Values = Map<string, string>;

/** What running a cell does to a name: gives it a new value, or one that comes of the value before. */
interface Effect {
  name: string;
  anew: boolean;
  key: string;
}

/** The run that a cell's outputs come from. */
interface Ran {
  /** Undefined where only so much is known that it was another one. */
  source?: string;
  /** What the names that it uses held. */
  seen: Values;
  effects: Effect[];
  /** Counts runs, so that running again what is not `pure` counts as a change. */
  number: number;
}

const hash = (...parts: string[]): string => createHash('sha1').update(parts.join('\0')).digest('base64');

/**
 * Knows which outputs are older than what their cell uses. The document is read from the top in two ways: what each
 * name holds if every cell has done what its source says now, and if it has done what it did when it ran. A cell is
 * stale where the names that it uses held, when it ran, something else than they hold now. So a change that is taken
 * back leaves no mark, and no kernel is needed.
 */
export class Staleness {
  private readonly ran = new Map<string, Ran>();
  /** What cells that run now see: it stays once they have ended well. */
  private readonly seeing = new Map<string, Values>();
  /** Cells that have run on the kernel that there is. */
  private readonly onKernel = new Set<string>();

  /**
   * Takes the outputs that a file holds for those of a run from the top; `sourceThen` is a cell's source when it ran,
   * by its id, if that is known.
   */
  constructor(code: ReadCells, sourceThen: (id: string) => string | undefined) {
    const values: Values = new Map();
    code.cells.forEach(({ id }, index) => {
      const seen = usedBy(code.named[index], values);
      const source = sourceThen(id);
      const unknown = (name: string): Effect => ({ name, anew: true, key: `unknown ${id}` });
      const effects =
        source === undefined
          ? changedBy(code.named[index]).map(unknown)
          : effectsOf(
              source === code.cells[index].source ? code.statements[index] : statementsIn(source),
              code.read,
              new Map(values),
              0,
            );
      this.ran.set(id, { source, seen, effects, number: 0 });
      effects.forEach((effect) => apply(values, effect));
    });
  }

  /** Whether no cell has run on the kernel. */
  get isFresh(): boolean {
    return this.onKernel.size === 0;
  }

  hasRun(id: string): boolean {
    return this.onKernel.has(id);
  }

  /** The kernel is gone, and with it what its cells have made. */
  forgetKernel(): void {
    this.onKernel.clear();
    this.seeing.clear();
  }

  begin(code: ReadCells, id: string): void {
    const index = code.cells.findIndex((cell) => cell.id === id);
    // What is no code any more by now has run all the same.
    if (index < 0) return;
    const { source } = code.cells[index];
    const values: Values = new Map();
    for (const above of code.cells.slice(0, index)) {
      this.ran.get(above.id)?.effects.forEach((effect) => apply(values, effect));
    }
    const before = this.ran.get(id);
    const number = (before?.number ?? 0) + (this.onKernel.has(id) ? 1 : 0);
    const seen = usedBy(code.named[index], values);
    const effects = effectsOf(code.statements[index], code.read, values, number);
    this.seeing.set(id, seen);
    this.onKernel.add(id);
    this.ran.set(id, { source, seen: before?.seen ?? seen, effects, number });
  }

  /** A cell has ended; one that has not ended well stays as stale as it was. */
  end(id: string, well: boolean): void {
    const ran = this.ran.get(id);
    const seen = this.seeing.get(id);
    if (well && ran && seen) ran.seen = seen;
    this.seeing.delete(id);
  }

  /**
   * The cells that are stale, by their ids, with the names that have changed since; none where the source itself is
   * another one than ran, or never ran.
   */
  look(code: ReadCells): Map<string, string[]> {
    const values: Values = new Map();
    const stale = new Map<string, string[]>();
    code.cells.forEach(({ id, source }, index) => {
      const ran = this.ran.get(id);
      const now = usedBy(code.named[index], values);
      const seen = this.seeing.get(id) ?? ran?.seen;
      const because = [...now.keys()].filter((name) => now.get(name) !== seen?.get(name));
      if (ran?.source !== source) stale.set(id, []);
      else if (because.length > 0) stale.set(id, because);
      effectsOf(code.statements[index], code.read, values, ran?.number ?? 0);
    });
    return stale;
  }

  /**
   * The ids of the cells to run, in order, so that the document is what a run from the top would give: those that are
   * stale, and what they need. Where none is: all on a fresh kernel, or else what depends on `otherwise`.
   */
  toRun(code: ReadCells, isMissing: (id: string) => boolean, otherwise: string[]): string[] {
    const all = code.cells.map(({ id }) => id);
    const stale = [...this.look(code).keys(), ...(this.isFresh ? all.filter(isMissing) : [])];
    if (stale.length === 0 && this.isFresh) return all;
    return cellsToRun(linksOf(code), stale.length > 0 ? stale : otherwise, (id) => this.hasRun(id));
  }
}

/** What the names that a cell uses, and does not declare, hold. */
function usedBy({ uses, declares }: CellNames, values: Values): Values {
  const names = [...uses].filter((name) => !declares.has(name));
  return new Map(names.map((name) => [name, values.get(name) ?? '']));
}

/** What running some statements does to names that hold these values, which are changed by it. */
function effectsOf(statements: Statement[], read: Names, values: Values, number: number): Effect[] {
  return statements.flatMap((statement) => {
    const own = read([statement]);
    const inputs = [...own.uses].sort().map((name) => `${name} ${values.get(name) ?? ''}`);
    const key = hash(statement.source, statement.pure ? '' : String(number), ...inputs);
    return changedBy(own).map((name) => {
      const effect: Effect = { name, anew: own.declares.has(name), key };
      apply(values, effect);
      return effect;
    });
  });
}

function apply(values: Values, { name, anew, key }: Effect): void {
  values.set(name, anew ? key : hash(values.get(name) ?? '', key));
}
