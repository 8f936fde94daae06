import { type CellNames, type Statement, together } from './cellNames.js';

/** Returns the names of some of a notebook's statements, including all that follows from its other statements. */
export type Names = (pieces: Statement[]) => CellNames;

/**
 * Reads a notebook's names together. Code that mentions a function depends on whatever the function uses, and does
 * whatever the function does. A function of the notebook does to its arguments what it does to its parameters. Code
 * that changes an object changes it under all of its names. No call can change what is fixed.
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
  /** The names that change together with some names: what these hold, and whatever holds any of that. */
  const changeable = (names: Set<string>): Set<string> => {
    const parts = reached(names, (name) => held.get(name) ?? []);
    return new Set([...reached(parts, (name) => holders.get(name) ?? [])].filter((name) => !isFixed(name)));
  };

  /**
   * What a function of this name does to its arguments; a function that the notebook does not declare may do anything.
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
    // A part that is set in a function's result may belong to anything that the function mentions.
    for (const name of mutates) {
      if (written.has(name)) for (const own of runningLater(name)) own.uses.forEach((used) => mutates.add(used));
    }
    const { declares } = together(pieces);
    return { declares, uses, assigns, mutates: changeable(mutates), passes: changeable(passes) };
  };
}

/** Selects, from statements in order, those that depend on some names, directly or through each other. */
export function dependents(statements: Statement[], names: Iterable<string>, namesOf: Names): Statement[] {
  const changed = new Set(names);
  return statements.filter((statement) => {
    const own = namesOf([statement]);
    if (![...own.uses].some((name) => changed.has(name))) return false;
    for (const name of changedBy(own)) changed.add(name);
    return true;
  });
}

/** All names whose values are, or may be, different after a piece of code has run again. */
export function changedBy({ declares, assigns, mutates, passes }: CellNames): string[] {
  return [...declares, ...assigns, ...mutates, ...passes];
}

/** Whether two sets have a name in common. */
export function some(names: Set<string>, others: Set<string>): boolean {
  return [...names].some((name) => others.has(name));
}

/** Everything that can be reached from some starting points in any number of steps. */
function reached<T>(from: Iterable<T>, next: (one: T) => T[]): Set<T> {
  const found = new Set(from);
  // The loop also visits what is added to the set meanwhile.
  for (const one of found) for (const other of next(one)) found.add(other);
  return found;
}
