const actions = new Set<() => void>();

/** Has something done when this process ends; returns what calls that off. One listener serves all: Node warns of more than ten. */
export function atExit(action: () => void): () => void {
  if (actions.size === 0) process.on('exit', runAll);
  actions.add(action);
  return () => {
    actions.delete(action);
    if (actions.size === 0) process.off('exit', runAll);
  };
}

function runAll(): void {
  for (const action of actions) action();
}
