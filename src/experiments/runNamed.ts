import { UserError } from '../errors.js';

/** The run that a person means by its id, the beginning of one, or `last`. Throws a UserError that says which there are. */
export function runNamed<Run extends { id: string }>(name: string, runs: readonly Run[]): Run {
  const found = name === 'last' ? runs.slice(-1) : runs.filter(({ id }) => id.startsWith(name));
  const exact = found.find(({ id }) => id === name);
  if (exact ?? found.length === 1) return exact ?? found[0];
  const fitting = found.length === 0 ? runs : found;
  throw new UserError(
    `${found.length === 0 ? 'No run begins' : 'Several runs begin'} with '${name}'. There are: ` +
      `${fitting.map(({ id }) => id).join(', ') || 'none'}.`,
  );
}
