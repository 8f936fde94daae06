import { closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { lintKeymap } from '@codemirror/lint';
import { Annotation, EditorState, type Extension, Transaction } from '@codemirror/state';
import { drawSelection, EditorView, highlightSpecialChars, keymap } from '@codemirror/view';
import { javascript } from '@codemirror/lang-javascript';
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { tagHighlighter, tags } from '@lezer/highlight';
import { type Ask, kernelHelp } from './kernelHelp.js';

/** The classes that give code its colours in reports. */
const colours = tagHighlighter([
  { tag: tags.comment, class: 'hljs-comment' },
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword, tags.controlKeyword], class: 'hljs-keyword' },
  { tag: [tags.string, tags.regexp, tags.special(tags.string)], class: 'hljs-string' },
  { tag: [tags.number, tags.bool, tags.null], class: 'hljs-number' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.className], class: 'hljs-title' },
  { tag: [tags.typeName, tags.namespace], class: 'hljs-type' },
]);

/** Marks a change that comes from the server and is not sent back. */
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
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...defaultKeymap, ...historyKeymap]),
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

  /** Selects a part of the source and brings it into view; the focus stays where it is. */
  select(from: number, to: number): void {
    this.view.dispatch({ selection: { anchor: from, head: to } });
    this.view.dom.scrollIntoView({ block: 'nearest' });
    // The editor lays out only the part of a long source that is near the screen. The browser's own scrolling, unlike
    // the editor's, accounts for the bars that cover the page.
    requestAnimationFrame(() => {
      const { node } = this.view.domAtPos(from);
      (node instanceof Element ? node : node.parentElement)?.scrollIntoView({ block: 'center' });
    });
  }

  /** Shows another source, from the server; the cursor stays at the same text. */
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
