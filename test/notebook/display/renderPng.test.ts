import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resvg } from '@resvg/resvg-js';
import { renderPng } from 'sparsebook/notebook/display/renderPng.js';
import { fontFamily, fontsFor } from 'sparsebook/notebook/display/fonts.js';
import type { Figure } from 'sparsebook/plots/theme.js';
import { figures } from '../../plots/sampleFigures.ts';

interface DecodedPng {
  width: number;
  height: number;
  /** The number of pixels in a rectangle (in pixels) that fulfil a condition on red, green and blue. */
  count: (area: [number, number, number, number], matches: (r: number, g: number, b: number) => boolean) => number;
}

/** The pixels of a PNG, decoded by letting resvg draw it. */
function decode(png: Buffer): DecodedPng {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const image = `<image width="${width}" height="${height}" href="data:image/png;base64,${png.toString('base64')}"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${image}</svg>`;
  const { pixels } = new Resvg(svg).render();
  return {
    width,
    height,
    count([left, top, right, bottom], matches) {
      let found = 0;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const at = (y * width + x) * 4;
          if (matches(pixels[at], pixels[at + 1], pixels[at + 2])) found++;
        }
      }
      return found;
    },
  };
}

const dark = (r: number, g: number, b: number): boolean => Math.max(r, g, b) < 110;
const coloured = (r: number, g: number, b: number): boolean => Math.max(r, g, b) - Math.min(r, g, b) > 60;
const white = (r: number, g: number, b: number): boolean => Math.min(r, g, b) > 250;

for (const [name, figure] of Object.entries(figures)) {
  test(`${name} becomes an image of the right size with its title, its axes and its data`, () => {
    const image = decode(renderPng(figure, { width: 600 }));
    assert.deepEqual([image.width, image.height], [1200, 2 * figure.layout.height]);
    const all: [number, number, number, number] = [0, 0, image.width, image.height];
    assert.ok(image.count([0, 0, 700, 80], dark) > 300, 'the title is drawn');
    assert.ok(image.count(all, white) > 0.2 * image.width * image.height, 'the paper is white');
    if (!name.includes('Before')) assert.ok(image.count(all, coloured) > 800, 'the data are drawn');
    if (name === 'exampleImages' || name === 'inceptionBlock') return; // images and a diagram have no axes
    const margin = (figure.layout as { margin?: { b?: number } }).margin?.b ?? 0;
    const below = Math.round(Math.min(0.8 * image.height, image.height - 2 * margin));
    assert.ok(image.count([100, below, image.width, image.height], dark) > 200, 'the lower axis has texts');
    assert.ok(image.count([0, 80, 110, below], dark) > 200, 'the left axis has texts');
  });
}

test('no axis is drawn over its labels, wide or narrow', () => {
  // The title of the left axis is in the outermost column; the paper between it and the labels is blank.
  const image = decode(renderPng(figures.penaltyCurve, { width: 500, scale: 1 }));
  const ink = (x: number): number => image.count([x, 60, x + 1, 330], dark);
  const columns = Array.from({ length: 80 }, (_, x) => ink(x) > 0);
  const runs = columns
    .join(' ')
    .split(/(?:false ?)+/)
    .filter((run) => run !== '');
  assert.ok(runs.length >= 2, `title and labels are ${runs.length} separate strips`);
});

test('scale draws the same figure with more pixels', () => {
  const size = (scale: number): number[] => {
    const png = renderPng(figures.hardConcreteDensity, { width: 400, height: 300, scale });
    return [png.readUInt32BE(16), png.readUInt32BE(20)];
  };
  assert.deepEqual(size(1), [400, 300]);
  assert.deepEqual(size(3), [1200, 900]);
});

test('drawing leaves the figure unchanged', () => {
  const before = structuredClone(figures.hardConcreteDensity);
  renderPng(figures.hardConcreteDensity);
  assert.deepEqual(figures.hardConcreteDensity, before);
});

const draw = (character: string): string => {
  const text = `<text x="10" y="40" font-size="40" font-family="${fontFamily}">${character}</text>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60">${text}</svg>`;
  const font = { ...fontsFor(''), loadSystemFonts: false };
  return new Resvg(svg, { font }).render().asPng().toString('base64');
};

test('the bundled fonts contain every character that needs no system font', () => {
  const missing = draw('\ue000');
  const characters = [...Array.from({ length: 0x3000 }, (_, i) => i)]
    .map((code) => String.fromCodePoint(code))
    .filter((character) => character.trim() !== '' && !fontsFor(character).loadSystemFonts);
  assert.ok(characters.length > 120);
  const absent = characters.filter((c) => draw(c === '&' ? '&amp;' : c === '<' ? '&lt;' : c) === missing);
  // The minus sign is drawn as an en dash.
  assert.deepEqual(
    absent.filter((c) => c !== '\u2212'),
    [],
  );
});

test('our figures need no system font, and a figure with other letters needs one', () => {
  const textOf = (figure: Figure): string =>
    JSON.stringify([figure.layout.title, figure.data.map((trace) => trace.name)]);
  for (const figure of Object.values(figures)) assert.equal(fontsFor(textOf(figure)).loadSystemFonts, false);
  assert.equal(fontsFor('épreuve').loadSystemFonts, true);
});
