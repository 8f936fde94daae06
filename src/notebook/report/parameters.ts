import { joined, type Notebook } from './notebook.js';

/** One setting of a notebook: its value in this run, and the notebook's own value where the run changed it. */
export interface Parameter {
  name: string;
  value: string;
  changedFrom?: string;
  /** The comment beside its declaration. */
  comment: string;
}

const declaration = /^\s*(?:export\s+)?(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*(?::[^=]+)?=\s*(.+)$/;

/** Splits `20; // the penalty` into the value and the comment, minding strings that hold slashes. */
function splitComment(text: string): { value: string; comment: string } {
  const [, value = '', comment = ''] =
    /^((?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|(?!\/\/)[^'"`])*)(?:\/\/\s*(.*))?$/.exec(text) ?? [];
  return { value: value.trim().replace(/;$/, ''), comment: comment.trim() };
}

/** The settings that cells tagged `parameters` declare, with the values that `injected-parameters` put in their place. */
export function readParameters(notebook: Notebook): Parameter[] {
  const found = new Map<string, Parameter>();
  for (const tag of ['parameters', 'injected-parameters']) {
    const cells = notebook.cells.filter(
      ({ cell_type, metadata }) => cell_type === 'code' && metadata.tags?.includes(tag),
    );
    for (const line of cells.flatMap((cell) => joined(cell.source).split('\n'))) {
      const [, name, rest] = (tag === 'parameters' ? declaration : injected).exec(line) ?? [];
      if (!name || rest === undefined) continue;
      const { value, comment } = splitComment(rest);
      const earlier = found.get(name);
      const changed = earlier && earlier.value !== value ? { changedFrom: earlier.value } : {};
      found.set(name, { name, value, comment: earlier?.comment || comment, ...changed });
    }
  }
  return [...found.values()];
}

/** An injected cell may declare anew or assign. */
const injected = /^\s*(?:(?:const|let|var)\s+)?([A-Za-z_$][\w$]*)\s*(?::[^=]+)?=\s*(.+)$/;
