import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  type CompletionContext,
  completionKeymap,
  type CompletionResult,
  startCompletion,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from '@codemirror/commands';
import { Annotation, EditorState, type Extension, StateEffect, StateField, Transaction } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightSpecialChars,
  hoverTooltip,
  keymap,
  showTooltip,
  type Tooltip,
} from '@codemirror/view';
import type { Command, Completion } from '../protocol.js';
import { element } from './elements.js';
import { javascript } from '@codemirror/lang-javascript';
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { tagHighlighter, tags } from '@lezer/highlight';

/** Asks the kernel; null when it has no answer. */
export type Ask = <T>(command: Command) => Promise<T | null>;

/** What the kernel knows: completions while typing and at Tab, what a name is under the pointer and at Shift+Tab. */
function kernelHelp(ask: Ask): Extension {
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

/** Whether something other than space stands before the cursor on its line. */
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

/** The classes that the report's code has its colours by. */
const colours = tagHighlighter([
  { tag: tags.comment, class: 'hljs-comment' },
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword, tags.controlKeyword], class: 'hljs-keyword' },
  { tag: [tags.string, tags.regexp, tags.special(tags.string)], class: 'hljs-string' },
  { tag: [tags.number, tags.bool, tags.null], class: 'hljs-number' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.className], class: 'hljs-title' },
  { tag: [tags.typeName, tags.namespace], class: 'hljs-type' },
]);

/** Marks a change that comes from the server: it is not sent back. */
const fromServer = Annotation.define<boolean>();

export interface EditorOptions {
  language: 'typescript' | 'text';
  label: string;
  source: string;
  ask: Ask;
  onEdit: (source: string) => void;
}

export class Editor {
  readonly view: EditorView;

  constructor({ language, label, source, ask, onEdit }: EditorOptions) {
    const ofLanguage: Extension =
      language === 'typescript'
        ? [javascript({ typescript: true }), kernelHelp(ask), bracketMatching(), closeBrackets(), indentOnInput()]
        : EditorView.lineWrapping;
    this.view = new EditorView({
      state: EditorState.create({
        doc: source,
        extensions: [
          history(),
          drawSelection(),
          highlightSpecialChars(),
          indentUnit.of('  '),
          EditorState.tabSize.of(2),
          syntaxHighlighting(colours),
          ofLanguage,
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...historyKeymap]),
          EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: language === 'text' ? 'true' : 'false' }),
          EditorView.updateListener.of(({ docChanged, transactions, state }) => {
            const own = transactions.some((one) => one.docChanged && !one.annotation(fromServer));
            if (docChanged && own) onEdit(state.doc.toString());
          }),
        ],
      }),
    });
  }

  get source(): string {
    return this.view.state.doc.toString();
  }

  /** Shows another source, from the server; the cursor stays by what is around it. */
  show(source: string): void {
    const { from, to, insert } = difference(this.source, source);
    if (from === to && insert === '') return;
    this.view.dispatch({
      changes: { from, to, insert },
      annotations: [fromServer.of(true), Transaction.addToHistory.of(false)],
    });
  }
}

/** The smallest single change from one text to another. */
export function difference(before: string, after: string): { from: number; to: number; insert: string } {
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && before[from] === after[from]) from++;
  let end = 0;
  while (end < shorter - from && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}
