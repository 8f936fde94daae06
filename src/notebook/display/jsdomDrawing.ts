import type { LineWidth } from './fonts.js';
import { encodePng, pngAddress } from '../../plots/png.js';

/**
 * The part of a DOM element that is used here. TypeScript's own DOM library would redefine Node's streams and URLs for
 * the whole project.
 */
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

interface Canvas {
  width: number;
  height: number;
  getContext(kind: string): unknown;
  toDataURL(): string;
}

interface Class<Methods> {
  prototype: Methods;
}

/** The part of jsdom's window that is used here. */
export interface Window {
  document: { body: Element; createElement(tag: string): Element };
  Element: Class<{ getBoundingClientRect(this: Element): unknown }>;
  SVGElement: Class<{ getBBox(this: Element): unknown; getComputedTextLength(this: Element): number }>;
  HTMLCanvasElement: Class<Canvas>;
  URL: { createObjectURL(blob: unknown): string };
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** x' = a x + c y + e, y' = b x + d y + f: an SVG transformation. */
type Matrix = [a: number, b: number, c: number, d: number, e: number, f: number];

const ascent = 0.85;
const lineHeight = 1.3;

/**
 * jsdom computes no layout, but plotly asks for the boxes of elements: this computes them for the SVG that plotly
 * writes.
 */
export function giveBoxes(window: Window, lineWidth: LineWidth): void {
  const prototype = window.SVGElement.prototype;
  prototype.getBBox = function () {
    return rectangle(boxOf(this, lineWidth));
  };
  prototype.getComputedTextLength = function () {
    return rectangle(boxOf(this, lineWidth)).width;
  };
  window.Element.prototype.getBoundingClientRect = function () {
    return rectangle(ancestry(this).reduce(transformed, boxOf(this, lineWidth)));
  };
}

function ancestry(element: Element): Element[] {
  return [element, ...(element.parentElement ? ancestry(element.parentElement) : [])];
}

function boxOf(element: Element, lineWidth: LineWidth): Box | null {
  if (element.style.display === 'none') return null;
  const attribute = (name: string): number => parseFloat(element.getAttribute(name) ?? '0') || 0;
  switch (element.tagName) {
    case 'text':
      return boxOfText(element, lineWidth);
    case 'rect':
    case 'image': {
      const [left, top] = [attribute('x'), attribute('y')];
      return { left, top, right: left + attribute('width'), bottom: top + attribute('height') };
    }
    case 'g':
    case 'svg':
    case 'a':
      return boxAround(
        [...element.children].flatMap((child) => {
          const box = transformed(boxOf(child, lineWidth), child);
          return box ? cornersOf(box) : [];
        }),
      );
    default:
      return null;
  }
}

function boxOfText(text: Element, lineWidth: LineWidth): Box | null {
  const content = text.textContent ?? '';
  if (content.trim() === '') return null;
  const { style } = text;
  const size = parseFloat(style.fontSize || text.getAttribute('font-size') || '12');
  const bold = style.fontWeight === 'bold' || Number(style.fontWeight) >= 600;
  const rows = [...text.querySelectorAll('tspan.line')].map((line) => line.textContent ?? '');
  const lines = rows.length > 0 ? rows : [content];
  const width = size * Math.max(...lines.map((line) => lineWidth(line, bold)));
  const anchor = style.textAnchor || text.getAttribute('text-anchor');
  const before = anchor === 'middle' ? 0.5 : anchor === 'end' ? 1 : 0;
  const left = parseFloat(text.getAttribute('x') ?? '0') - before * width;
  const top = parseFloat(text.getAttribute('y') ?? '0') - ascent * size;
  return { left, top, right: left + width, bottom: top + lineHeight * lines.length * size };
}

type Point = [x: number, y: number];

const cornersOf = ({ left, top, right, bottom }: Box): Point[] => [
  [left, top],
  [right, top],
  [left, bottom],
  [right, bottom],
];

function boxAround(points: Point[]): Box | null {
  if (points.length === 0) return null;
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/** The box around an element's box after the element's `transform`. */
function transformed(box: Box | null, element: Element): Box | null {
  const transform = element.getAttribute('transform');
  if (!box || !transform) return box;
  // The last transformation of the list is applied first.
  const points = [...transform.matchAll(/(\w+)\(([^)]*)\)/g)].reverse().reduce((moved, [, name, list]) => {
    const [a, b, c, d, e, f] = matrix(name, list.split(/[\s,]+/).map(Number));
    return moved.map(([x, y]): Point => [a * x + c * y + e, b * x + d * y + f]);
  }, cornersOf(box));
  return boxAround(points);
}

function matrix(name: string, numbers: number[]): Matrix {
  const [p = 0, q, r = 0] = numbers;
  switch (name) {
    case 'translate':
      return [1, 0, 0, 1, p, q ?? 0];
    case 'scale':
      return [p, 0, 0, q ?? p, 0, 0];
    case 'rotate': {
      const [cos, sin] = [Math.cos((p * Math.PI) / 180), Math.sin((p * Math.PI) / 180)];
      const x = q ?? 0;
      return [cos, sin, -sin, cos, x - cos * x + sin * r, r - sin * x - cos * r];
    }
    default:
      return [1, 0, 0, 1, 0, 0];
  }
}

function rectangle(box: Box | null): Box & Record<'x' | 'y' | 'width' | 'height', number> {
  const { left, top, right, bottom } = box ?? { left: 0, top: 0, right: 0, bottom: 0 };
  return { x: left, y: top, left, top, right, bottom, width: right - left, height: bottom - top };
}

/** Gives jsdom, which has no canvas, the operations with which plotly paints heat maps; `toDataURL` returns a PNG. */
export function giveCanvas(window: Window): void {
  const bitmaps = new WeakMap<Canvas, Bitmap>();
  const prototype = window.HTMLCanvasElement.prototype;
  prototype.getContext = function (kind) {
    if (kind !== '2d') return null;
    const bitmap = bitmaps.get(this) ?? new Bitmap(this.width, this.height);
    bitmaps.set(this, bitmap);
    return bitmap;
  };
  prototype.toDataURL = function () {
    const { pixels, width, height } = bitmaps.get(this) ?? new Bitmap(this.width, this.height);
    return pngAddress(encodePng(pixels, width, height, 4));
  };
}

class Bitmap {
  fillStyle = 'rgba(0,0,0,1)';
  readonly pixels: Uint8ClampedArray;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.pixels = new Uint8ClampedArray(width * height * 4);
  }

  fillRect(x: number, y: number, width: number, height: number): void {
    const colour = parse(this.fillStyle);
    const right = Math.min(this.width, Math.round(x + width));
    const bottom = Math.min(this.height, Math.round(y + height));
    for (let row = Math.max(0, Math.round(y)); row < bottom; row++) {
      for (let column = Math.max(0, Math.round(x)); column < right; column++) {
        this.pixels.set(colour, (row * this.width + column) * 4);
      }
    }
  }

  createImageData(width: number, height: number): { data: Uint8ClampedArray; width: number; height: number } {
    return { data: new Uint8ClampedArray(width * height * 4), width, height };
  }

  putImageData(image: { data: Uint8ClampedArray; width: number; height: number }): void {
    this.pixels.set(image.data.subarray(0, this.pixels.length));
  }
}

/** "rgba(12, 34, 56, 0.5)" as four bytes. */
function parse(style: string): number[] {
  const [r = 0, g = 0, b = 0, alpha = 1] = (style.match(/[\d.]+/g) ?? []).map(Number);
  return [r, g, b, 255 * alpha];
}
