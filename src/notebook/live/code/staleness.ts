import { createHash } from 'node:crypto';
import { type CellNames, type Statement, statementsIn } from './cellNames.js';
import { changedBy, type Names } from './dependents.js';
import { cellsToRun } from './links.js';
import { linksOf, type ReadCells } from './runPlan.js';

/** The values of names at a place in the document, as keys: a different key means a value that may be different. */
type Values = Map<string, string>;

/** What running a cell does to a name: gives it a new value (`anew`), or one that depends on its previous value. */
interface Effect {
  name: string;
  anew: boolean;
  key: string;
}

/** The run that a cell's outputs come from. */
interface Ran {
  /** Undefined if all that is known is that it was a different one. */
  source?: string;
  /** The values of the names that it uses. */
  seen: Values;
  effects: Effect[];
  /** Counts runs, so that running code again that is not `pure` counts as a change. */
  number: number;
}

const hash = (...parts: string[]): string => createHash('sha1').update(parts.join('\0')).digest('base64');

/**
 * Knows which outputs are older than what their cell uses. The values of names are followed from the top of the
 * document in two ways: as if every cell had done what its source says now, and as if it had done what it did when it
 * ran. A cell is stale if the names that it uses had other values when it ran than they have now. So a change that is
 * undone leaves no trace, and no kernel is needed.
 */
export class Staleness {
  private readonly ran = new Map<string, Ran>();
  /** The values that running cells see: they become `seen` once the cells have ended well. */
  private readonly seeing = new Map<string, Values>();
  /** Cells that have run on the current kernel. */
  private readonly onKernel = new Set<string>();

  /**
   * Assumes that the outputs in a file come from a run from the top; `sourceThen` returns the source that a cell, by
   * its id, had when it ran, if that is known.
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

  /** Forgets what cells have made on the kernel, because it is gone. */
  forgetKernel(): void {
    this.onKernel.clear();
    this.seeing.clear();
  }

  begin(code: ReadCells, id: string): void {
    const index = code.cells.findIndex((cell) => cell.id === id);
    // The cell may have become a text cell before it began to run.
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

  /** Notes that a cell has ended; a cell that has not ended well stays as stale as it was. */
  end(id: string, well: boolean): void {
    const ran = this.ran.get(id);
    const seen = this.seeing.get(id);
    if (well && ran && seen) ran.seen = seen;
    this.seeing.delete(id);
  }

  /**
   * The ids of the stale cells, each with the names that have changed since it ran; no names if its source has changed
   * since, or never ran.
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
   * The ids of the cells to run, in order, so that the document is as after a run from the top: the stale cells (on a
   * fresh kernel also those that never ran), and what they need. If there are none: all cells on a fresh kernel, or
   * else `otherwise` and what depends on it.
   */
  toRun(code: ReadCells, isMissing: (id: string) => boolean, otherwise: string[]): string[] {
    const all = code.cells.map(({ id }) => id);
    const stale = [...this.look(code).keys(), ...(this.isFresh ? all.filter(isMissing) : [])];
    if (stale.length === 0 && this.isFresh) return all;
    return cellsToRun(linksOf(code), stale.length > 0 ? stale : otherwise, (id) => this.hasRun(id));
  }
}

/** The values of the names that a cell uses and does not declare. */
function usedBy({ uses, declares }: CellNames, values: Values): Values {
  const names = [...uses].filter((name) => !declares.has(name));
  return new Map(names.map((name) => [name, values.get(name) ?? '']));
}

/** What running some statements does to names; updates `values` accordingly. */
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
