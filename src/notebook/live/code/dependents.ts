import { type CellNames, type Statement, together } from './cellNames.js';

/** What gives the names of some statements of a notebook, with all that follows from its other statements. */
export type Names = (pieces: Statement[]) => CellNames;

/**
 * Reads a notebook's names together: who mentions a function depends on and does what is written in it; a function of
 * the notebook does to what it is given what it does to its parameters; what changes an object changes it under all of
 * its names; and what is fixed no call can change.
 */
export function namesOf(notebook: Statement[]): Names {
  const declaring = new Map<string, Statement[]>();
  for (const statement of notebook) {
    for (const name of statement.declares) declaring.set(name, [...(declaring.get(name) ?? []), statement]);
  }
  const written = new Set(notebook.flatMap(({ writes }) => [...writes]));
  const isFixed = (name: string): boolean =>
    !written.has(name) && (declaring.get(name)?.every(({ fixed }) => fixed) ?? false);
  const runningLater = (name: string): Statement[] => (declaring.get(name) ?? []).filter(({ runsLater }) => runsLater);
  const held = new Map<string, string[]>();
  const holders = new Map<string, string[]>();
  for (const [holder, part] of notebook.flatMap(({ aliases }) => aliases)) {
    if (isFixed(holder) || isFixed(part)) continue;
    held.set(holder, [...(held.get(holder) ?? []), part]);
    holders.set(part, [...(holders.get(part) ?? []), holder]);
  }
  /** What changes with some names: what they hold, and whatever holds any of that. */
  const changeable = (names: Set<string>): Set<string> => {
    const parts = reached(names, (name) => held.get(name) ?? []);
    return new Set([...reached(parts, (name) => holders.get(name) ?? [])].filter((name) => !isFixed(name)));
  };

  /**
   * What a function called by this name does to what it is given; a function that the notebook does not declare may do
   * anything.
   */
  const doneBy = (name: string, asked = new Set<string>()): 'mutates' | 'passes' | undefined => {
    const own = runningLater(name);
    if (own.length === 0) return 'passes';
    const does = own.flatMap(({ parameters, mutates, passes, hands }) => [
      some(parameters, mutates) ? 'mutates' : some(parameters, passes) ? 'passes' : undefined,
      ...[...hands]
        .filter(([callee, given]) => some(parameters, given) && !asked.has(callee))
        .map(([callee]) => doneBy(callee, asked.add(callee))),
    ]);
    return does.includes('mutates') ? 'mutates' : does.includes('passes') ? 'passes' : undefined;
  };

  return (pieces) => {
    const mentioned = reached(pieces, ({ uses }) => [...uses].flatMap(runningLater));
    const { uses, assigns, mutates, passes } = together([...mentioned]);
    for (const [callee, names] of [...mentioned].flatMap(({ hands }) => [...hands])) {
      const done = doneBy(callee);
      if (done) for (const name of names) (done === 'mutates' ? mutates : passes).add(name);
    }
    // What is set in a function's result may be part of anything that it mentions.
    for (const name of mutates) {
      if (written.has(name)) for (const own of runningLater(name)) own.uses.forEach((used) => mutates.add(used));
    }
    const { declares } = together(pieces);
    return { declares, uses, assigns, mutates: changeable(mutates), passes: changeable(passes) };
  };
}

/** The statements, of some in order, that depend on names, directly or through one another. */
export function dependents(statements: Statement[], names: Iterable<string>, namesOf: Names): Statement[] {
  const changed = new Set(names);
  return statements.filter((statement) => {
    const own = namesOf([statement]);
    if (![...own.uses].some((name) => changed.has(name))) return false;
    for (const name of changedBy(own)) changed.add(name);
    return true;
  });
}

/** All names that have, or may have, another value after a piece of code has run again. */
export function changedBy({ declares, assigns, mutates, passes }: CellNames): string[] {
  return [...declares, ...assigns, ...mutates, ...passes];
}

/** Whether two sets have a name in common. */
export function some(names: Set<string>, others: Set<string>): boolean {
  return [...names].some((name) => others.has(name));
}

/** What can be reached from a start by going on and on. */
function reached<T>(from: Iterable<T>, next: (one: T) => T[]): Set<T> {
  const found = new Set(from);
  // A set is walked through in the order in which it grows.
  for (const one of found) for (const other of next(one)) found.add(other);
  return found;
}
