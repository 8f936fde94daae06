import { createRequire } from 'node:module';

/** What we use of an element. TypeScript's own DOM library would redefine Node's streams and URLs for the whole project. */
export interface Element {
  tagName: string;
  textContent: string | null;
  parentElement: Element | null;
  children: Iterable<Element>;
  style: { display?: string; fontSize?: string; fontWeight?: string; textAnchor?: string };
  getAttribute(name: string): string | null;
  querySelectorAll(selector: string): Iterable<Element>;
  append(child: Element): void;
  remove(): void;
}

/** What we use of a canvas element. */
export interface Canvas {
  width: number;
  height: number;
  getContext(kind: string): unknown;
  toDataURL(): string;
}

/** A class of the document, whose methods can be replaced. */
interface Class<Methods> {
  prototype: Methods;
}

/** What we use of jsdom's window. */
export interface Window {
  document: { body: Element; createElement(tag: string): Element };
  Element: Class<{ getBoundingClientRect(this: Element): unknown }>;
  SVGElement: Class<{ getBBox(this: Element): unknown; getComputedTextLength(this: Element): number }>;
  HTMLCanvasElement: Class<Canvas>;
  URL: { createObjectURL(blob: unknown): string };
  eval(source: string): void;
}

interface Jsdom {
  JSDOM: new (html: string, options: object) => { window: Window };
  VirtualConsole: new () => object;
}

/** An empty document in which scripts of ours can run; what they print is dropped. */
export function emptyWindow(): Window {
  // Half a second to load: only who draws waits for it.
  const { JSDOM, VirtualConsole } = createRequire(import.meta.url)('jsdom') as Jsdom;
  const options = { runScripts: 'outside-only', pretendToBeVisual: true, virtualConsole: new VirtualConsole() };
  return new JSDOM('<!doctype html><body></body>', options).window;
}
