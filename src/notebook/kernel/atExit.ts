const actions = new Set<() => void>();
// One listener serves all: Node warns of more than ten.
process.on('exit', () => actions.forEach((action) => action()));

/** Has something done when this process ends; returns what calls that off. */
export function atExit(action: () => void): () => void {
  actions.add(action);
  return () => actions.delete(action);
}
