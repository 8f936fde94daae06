import type { ListedRun } from './protocol.js';

/**
 * Returns a predicate for the runs that match a filter. All words must match: `state:training` matches the beginning of
 * the state, `lambda_l0=20` the value of a setting (`lambda_l0=` any value), and any other word a part of the id, the
 * name or a tag.
 */
export function filterOf(text: string): (run: ListedRun) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean).map(fits);
  return (run) => words.every((fit) => fit(run));
}

function fits(word: string): (run: ListedRun) => boolean {
  const [, state] = /^state:(.*)$/.exec(word) ?? [];
  if (state !== undefined) return (run) => run.state.startsWith(state);
  const [, setting, value] = /^([^=]+)=(.*)$/.exec(word) ?? [];
  if (setting !== undefined) {
    return ({ settings }) =>
      Object.entries(settings).some(
        ([name, own]) => name.toLowerCase() === setting && isMeant(own.toLowerCase(), value),
      );
  }
  return ({ id, name, tags }) => [id, name ?? '', ...tags].some((text) => text.toLowerCase().includes(word));
}

const isMeant = (own: string, value: string): boolean =>
  value === '' || own === value || (own !== '' && value.trim() !== '' && Number(own) === Number(value));
