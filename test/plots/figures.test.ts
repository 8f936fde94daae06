import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plotlyInNode } from 'sparsebook/notebook/display/plotlyInNode.js';
import { ink, palette, type Figure } from 'sparsebook/plots/theme.js';
import { figures } from './sampleFigures.ts';

type Attributes = Record<string, unknown>;

for (const [name, figure] of Object.entries(figures)) {
  test(`${name} is a figure that plotly accepts without warnings`, () => {
    const { plotly } = plotlyInNode(figure);
    // Plotly does not validate hidden traces, but a slider can show them.
    const shown = figure.data.map((trace) => ({ ...trace, visible: true }));
    const remarks = plotly.validate(shown, figure.layout) ?? [];
    // It compares arrays inside a slider's arguments by identity, and reports that they were reset to the same values.
    const changes = Array.from(remarks, ({ msg }) => msg).filter(
      (msg) => !/set to '(.+)'\) got reset to '\1'/.test(msg),
    );
    assert.deepEqual(changes, []);
  });

  test(`${name} survives JSON, where NaN and typed arrays would not`, () => {
    assert.deepEqual(JSON.parse(JSON.stringify(figure)), figure);
  });

  test(`${name} names the unit on every axis that shows numbers`, () => {
    const axes = Object.entries(figure.layout).filter(([key]) => /^[xy]axis\d*$/.test(key));
    assert.ok(axes.length >= 2);
    for (const [key, axis] of axes as [string, Attributes][]) {
      if (axis.visible === false || axis.showticklabels === false) continue;
      assert.match((axis.title as { text: string } | undefined)?.text ?? '', /^.+ \(.+\)$/, `${key} of ${name}`);
    }
  });

  test(`${name} says in words what it shows`, () => {
    assert.ok(figure.layout.title.text.length > 5);
    assert.match(figure.layout.meta.alt, /^[A-Z0-9].{20,}\.$/);
    assert.doesNotMatch(figure.layout.meta.alt, /NaN|undefined|Infinity/);
  });

  test(`${name} is transparent, so that it suits light and dark pages`, () => {
    assert.equal(figure.layout.paper_bgcolor, 'rgba(0, 0, 0, 0)');
    assert.equal(figure.layout.plot_bgcolor, 'rgba(0, 0, 0, 0)');
  });
}

const linear = (hex: string): number[] =>
  [1, 3, 5]
    .map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));

const luminance = ([r, g, b]: number[]): number => 0.2126 * r + 0.7152 * g + 0.0722 * b;

/** The lower of a colour's contrasts on white and on the dark background (WCAG 2, 1.4.11). */
const contrast = (colour: number[], dark: string): number =>
  Math.min(1.05 / (luminance(colour) + 0.05), (luminance(colour) + 0.05) / (luminance(linear(dark)) + 0.05));

test('the ink has a contrast of at least 4.5 : 1 on white and on black', () => {
  assert.ok(contrast(linear(ink), '#000000') >= 4.5);
});

/** The opaque colours of a figure; of a colour scale its stops and the colours between them. */
function coloursOf({ data }: Figure): number[][] {
  const stops = data.flatMap(({ colorscale }) => {
    assert.ok(
      colorscale === undefined || Array.isArray(colorscale),
      `${String(colorscale)} is a scale whose colours are not known`,
    );
    return colorscale === undefined ? [] : [(colorscale as [number, string][]).map(([, colour]) => colour)];
  });
  const between = stops.flatMap(([from, to]) => {
    if (from.length > 7 || to.length > 7) return [];
    const mixed = (share: number, at: number): number =>
      Math.round((1 - share) * parseInt(from.slice(at, at + 2), 16) + share * parseInt(to.slice(at, at + 2), 16));
    const hex = (share: number): string =>
      [1, 3, 5].map((at) => mixed(share, at).toString(16).padStart(2, '0')).join('');
    return Array.from({ length: 19 }, (_, i) => `#${hex((i + 1) / 20)}`);
  });
  const plain = data.flatMap(({ line, marker }) =>
    [line, marker].map((style) => (style as { color?: unknown } | undefined)?.color),
  );
  for (const { marker } of data)
    assert.notEqual(typeof (marker as { opacity?: unknown } | undefined)?.opacity, 'number');
  return [...stops.flat(), ...between, ...plain]
    .filter((colour): colour is string => typeof colour === 'string' && /^#[0-9a-f]{6}$/i.test(colour))
    .map(linear);
}

for (const [name, figure] of Object.entries(figures)) {
  test(`${name} can be seen on a light and on a dark page: every colour has 3 : 1 or more`, () => {
    for (const colour of coloursOf(figure)) assert.ok(contrast(colour, '#14171c') >= 3, `${colour.join()}`);
  });
}

test('any two colours can be told apart without red, green or blue cones', () => {
  // Machado, Oliveira and Fernandes 2009, severity 1; distances in OKLab, where 0.02 is just noticeable.
  const visions = {
    all: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    noRed: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
    noGreen: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
    noBlue: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
  };
  const toLms = [
    0.4122214708, 0.5363325363, 0.0514459929, 0.2119034982, 0.6806995451, 0.1073969566, 0.0883024619, 0.2817188376,
    0.6299787005,
  ];
  const toLab = [
    0.2104542553, 0.793617785, -0.0040720468, 1.9779984951, -2.428592205, 0.4505937099, 0.0259040371, 0.7827717662,
    -0.808675766,
  ];
  const times = (m: number[], v: number[]) =>
    [0, 3, 6].map((row) => m[row] * v[0] + m[row + 1] * v[1] + m[row + 2] * v[2]);
  for (const [vision, matrix] of Object.entries(visions)) {
    const seen = palette.map((hex) => {
      const clipped = times(matrix, linear(hex)).map((v) => Math.min(1, Math.max(0, v)));
      return times(toLab, times(toLms, clipped).map(Math.cbrt));
    });
    seen.forEach((a, i) =>
      seen.slice(0, i).forEach((b, j) => {
        const distance = Math.hypot(...a.map((v, k) => v - b[k]));
        assert.ok(distance > 0.06, `${palette[i]} and ${palette[j]} with ${vision}: ${distance}`);
      }),
    );
  }
});
