import { autocompletion, startCompletion } from '@codemirror/autocomplete';
import type { CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { indentLess, indentMore } from '@codemirror/commands';
import { type Diagnostic, linter } from '@codemirror/lint';
import { type Extension, StateEffect, StateField } from '@codemirror/state';
import { type EditorView, hoverTooltip, keymap, showTooltip, type Tooltip } from '@codemirror/view';
import type { Command, Completion, Problem } from '../protocol.js';
import { element } from './elements.js';

/** Asks the kernel; null when it has no answer. */
export type Ask = <T>(command: Command) => Promise<T | null>;

/**
 * Help from the kernel: completions while typing and on Tab, information about the name under the pointer and on
 * Shift+Tab, and TypeScript's errors, underlined.
 */
export function kernelHelp(ask: Ask): Extension {
  const complete = async (context: CompletionContext): Promise<CompletionResult | null> => {
    const word = context.matchBefore(/[\w$]+/);
    const afterDot = context.matchBefore(/\.\s*/);
    if (!context.explicit && !afterDot && (!word || word.to - word.from < 2)) return null;
    const code = context.state.doc.toString();
    const answer = await ask<Completion>({ do: 'complete', code, position: context.pos });
    if (!answer || context.aborted || answer.matches.length === 0) return null;
    const options = answer.matches.slice(0, 500).map((label) => ({ label }));
    return { from: answer.start, to: answer.end, options, validFor: /^[\w$]*$/ };
  };
  const tell = (view: EditorView): boolean => {
    void inspect(view, view.state.selection.main.head, ask).then((tooltip) => {
      view.dispatch({ effects: setTip.of(tooltip) });
    });
    return true;
  };
  return [
    autocompletion({ override: [complete], icons: false, activateOnTypingDelay: 150 }),
    hoverTooltip((view, position) => inspect(view, position, ask), { hoverTime: 400 }),
    tip,
    problems(ask),
    keymap.of([
      { key: 'Tab', run: (view) => (atWord(view) ? startCompletion(view) : indentMore(view)) },
      { key: 'Shift-Tab', run: (view) => (atWord(view) ? tell(view) : indentLess(view)) },
    ]),
  ];
}

const setTip = StateEffect.define<Tooltip | null>();

/** The tip that Shift+Tab shows, until the cursor moves or something is typed. */
const tip = StateField.define<Tooltip | null>({
  create: () => null,
  update(shown, { effects, docChanged, selection }) {
    const set = effects.find((effect) => effect.is(setTip));
    if (set) return set.value;
    return docChanged || selection ? null : shown;
  },
  provide: (field) => showTooltip.from(field),
});

/** Whether there is something other than space before the cursor on its line. */
function atWord({ state }: EditorView): boolean {
  const { empty, head } = state.selection.main;
  const line = state.doc.lineAt(head);
  return empty && line.text.slice(0, head - line.from).trim() !== '';
}

async function inspect(view: EditorView, position: number, ask: Ask): Promise<Tooltip | null> {
  const word = view.state.wordAt(position);
  if (!word) return null;
  const answer = await ask<{ text: string }>({ do: 'inspect', code: view.state.doc.toString(), position });
  if (!answer) return null;
  return {
    pos: word.from,
    end: word.to,
    above: true,
    create: () => ({ dom: element('div', { class: 'inspection', role: 'tooltip' }, answer.text) }),
  };
}

/**
 * TypeScript's errors in the cell that is being edited, once the user pauses; none otherwise, or if the kernel cannot
 * check code.
 */
function problems(ask: Ask): Extension {
  const source = async (view: EditorView): Promise<Diagnostic[]> => {
    const code = view.state.doc.toString();
    if (!view.hasFocus || code.trim() === '') return [];
    const found = (await ask<Problem[]>({ do: 'diagnose', code })) ?? [];
    const within = (offset: number): number => Math.min(Math.max(0, offset), code.length);
    return found.map(({ start, end, message, severity }) => ({
      from: within(start),
      to: within(end),
      message,
      severity,
    }));
  };
  return linter(source, { delay: 600, needsRefresh: ({ focusChanged, view }) => focusChanged && view.hasFocus });
}
