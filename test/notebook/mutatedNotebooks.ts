import fc from 'fast-check';
import { notebookText } from 'sparsebook/notebook/run/notebookFile.js';
import type { Notebook } from 'sparsebook/notebook/run/notebook.js';

/** Texts that run if they reach a page unescaped, and texts that confuse parsers of addresses, formulas and escapes. */
const hostile = [
  '<script>hacked=1</script>',
  '"><script>hacked=1</script>',
  '<img src=x onerror=hacked=1>',
  "' onmouseover='hacked=1' x='",
  '<meta http-equiv=refresh content="0;url=https://elsewhere.example/">',
  '</script><script>hacked=1</script><!--',
  '</title></style><iframe src=https://elsewhere.example></iframe>',
  '![x](%ff) [y](javascript:hacked=1) ![z](attachment:%E9)',
  '$\\frac{$ $$\\href{javascript:hacked=1}{x}$$',
  `$${'\\frac{'.repeat(3000)}1${'}{2}'.repeat(3000)}$`,
  '\u001b[2J\u001b]8;;javascript:hacked=1\u0007x\r\b\b\b',
  '\u001b[999;999H\u001b[1J\u001b[38;5mx\u001b[38;2;;;m<b>\u001b[7;8mx\u001b[;;;',
  '\ue0000\ue000 $x$ %EE%80%807%EE%80%80 <b title="$y$ \ue0000\ue000">\ue0009\ue000</b>',
  '$\\newcommand{\\x}{\\x\\x}\\x$ \\eqref{"><script>} $$a\\label{"><script>}\\tag{<b>}$$',
  '\\begin{align}\\end{align} \\begin{align}}\\\\{\\label{a}\\end{align}\\end{align} $$\\begin{gather}$$',
  '<video src=x></video><a href=x><svg><style>*{fill:red}</style><a xlink:href="javascript:hacked=1">',
  '\ud800 \u0000 \ufffe',
  '`'.repeat(50),
  '> '.repeat(300),
  '',
];

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

/** Values of any kind, as JSON, so that each notebook gets its own copy. */
const oddValues: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...hostile).map((text) => JSON.stringify(text)) },
  { weight: 2, arbitrary: fc.constantFrom('null', 'true', '5', '-1.5', '1e308', '[]', '{}', '[null]', '["a", 5]') },
  { weight: 1, arbitrary: fc.constantFrom(...hostile).map((text) => JSON.stringify([text, { [text]: text }])) },
  { weight: 1, arbitrary: fc.constantFrom('{"toString":1,"valueOf":1}', '{"length":9e9}', '{"__proto__":5}') },
  { weight: 1, arbitrary: fc.constantFrom(50, 3000, 10_000).map(nested) },
  { weight: 2, arbitrary: fc.json() },
);

const display = (data: object): object => ({ output_type: 'display_data', data, metadata: {} });
const code = (id: string, source: string, outputs: object[], metadata: object = {}): object => ({
  cell_type: 'code',
  id,
  source,
  outputs,
  metadata,
  execution_count: 1,
});

/** A notebook with a bit of everything that a page shows. */
const whole = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: {
    kernelspec: { name: 'tslab', display_name: 'TypeScript', language: 'typescript' },
    sparsebook: { parameters: { a: 1 }, git: { revision: 'abc', dirty: false }, versions: ['1', '2'] },
    papermill: { start_time: '2026-01-05T10:00:00.123Z', duration: 1.5, exception: false },
  },
  cells: [
    {
      cell_type: 'markdown',
      id: 'prose',
      metadata: {},
      source: [
        '# Title\n',
        '## *Part* $x$\n',
        '![p](attachment:a.png) [part](#Part)\n',
        '\n',
        '$$y^2\\label{y}$$ in \\eqref{y} | $\\newcommand{\\R}{Q}\\R$ |\n',
        '> [!NOTE] Mind\n> this[^1] `code`\n\n[^1]: a note\n\n',
        '- [x] <b>done</b>',
      ],
      attachments: { 'a.png': { 'image/png': 'iVBORw0KGgoAAAA' } },
    },
    { cell_type: 'raw', id: 'raw', metadata: { tags: [] }, source: 'raw' },
    code('parameters', 'const a = 1; // of 0 to 5\nconst list = [1, [2]];', [], { tags: ['parameters'] }),
    code('streams', 'print()', [
      { output_type: 'stream', name: 'stdout', text: ['one\n', 'two\r3\n'] },
      { output_type: 'stream', name: 'stderr', text: 'three' },
      { output_type: 'error', ename: 'Error', evalue: 'no', traceback: ['Error: no', '    at f'] },
    ]),
    code(
      'displays',
      'show()',
      [
        display({ 'text/html': '<table><tr><td>1</td></tr></table>', 'text/plain': 'table' }),
        display({ 'text/markdown': '## Said\n<i>x</i>' }),
        display({ 'text/latex': '$x$' }),
        display({ 'image/svg+xml': '<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>' }),
        {
          ...display({ 'image/png': 'iVBORw0KGgoAAAA', 'text/plain': 'a dot' }),
          metadata: { 'image/png': { width: 5, height: 5 } },
        },
        ...['jpeg', 'gif', 'webp'].map((type) => display({ [`image/${type}`]: ['AA', 'AA'] })),
        display({ 'text/plain': '\u001b[1;31mred\u001b[0m\u001b[38;5;99mx\u001b[A\ry' }),
        display({ 'application/vnd.vegalite.v5+json': { mark: 'bar' }, 'text/plain': '<VegaLite>' }),
        display({ 'text/html': '<p>$x$ <a href="a.csv">a</a> <img src="data:image/png;base64,AAAA" width="5"></p>' }),
        display({ 'application/json': { a: [1] } }),
        { output_type: 'execute_result', execution_count: 2, data: { 'text/plain': ['4', '2'] }, metadata: {} },
      ],
      { sparsebook: { sourceHash: 'x' }, execution: { 'iopub.status.busy': '2026-01-05T10:00:00Z' }, jupyter: {} },
    ),
    code('hidden', 'hide()', [{ output_type: 'stream', name: 'stdout', text: 'x' }], {
      tags: ['hide-input'],
      collapsed: true,
      jupyter: { source_hidden: true, outputs_hidden: true },
    }),
    code('figure', 'draw()', [
      display({
        'application/vnd.plotly.v1+json': {
          data: [
            { type: 'choropleth', locations: ['FRA'], z: [1], geo: 'geo2' },
            { type: 'scattergeo', lon: [1], lat: [2] },
          ],
          layout: { geo2: { scope: 'south america' }, geo: { scope: '../../x' } },
        },
      }),
      display({
        'application/vnd.plotly.v1+json': {
          data: [{ type: 'bar', name: 'n', x: ['a'], y: [1], source: 'data:image/png;base64,AAAA' }],
          layout: {
            title: { text: 'Title', subtitle: { text: 'sub' } },
            meta: { alt: 'alt' },
            xaxis: { domain: [0, 1] },
          },
          frames: [{ data: [{ y: [2] }] }],
          config: { staticPlot: true },
        },
        'image/png': 'iVBORw0KGgoAAAA',
        'text/plain': 'figure',
      }),
    ]),
  ],
};

type Parent = Record<string, unknown> | unknown[];

/** Every place in a value that holds another value: its parent and its key there. */
function placesIn(root: unknown): [parent: Parent, name: string][] {
  const places: [Parent, string][] = [];
  const todo = [root];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    for (const [name, value] of Object.entries(next)) {
      places.push([next as Parent, name]);
      todo.push(value);
    }
  }
  return places;
}

interface Change {
  at: number;
  how: 'replace' | 'remove' | 'wrap' | 'rename';
  /** As JSON. */
  value: string;
}

function changed({ at, how, value }: Change, notebook: unknown): void {
  const places = placesIn(notebook);
  const [parent, name] = places[at % places.length];
  const holder = parent as Record<string, unknown>;
  if (how === 'replace') holder[name] = JSON.parse(value) as unknown;
  else if (how === 'wrap') holder[name] = [holder[name]];
  else if (Array.isArray(parent)) parent.splice(Number(name), 1);
  else {
    if (how === 'rename') parent[value.slice(0, 40)] = parent[name];
    delete parent[name];
  }
}

/** Notebooks, as the JSON of their files, in which a few values have a wrong type, or are hostile, missing or moved. */
export const mutatedNotebooks: fc.Arbitrary<string> = fc
  .array(
    fc.record({
      at: fc.nat(),
      how: fc.constantFrom<Change['how']>('replace', 'replace', 'replace', 'remove', 'wrap', 'rename'),
      value: oddValues,
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((changes) => {
    const notebook = structuredClone(whole);
    for (const change of changes) changed(change, notebook);
    return notebookText(notebook as unknown as Notebook);
  });

/** The mutated notebook for a seed, as the JSON of its file. */
export function mutatedNotebook(seed: number): string {
  return fc.sample(mutatedNotebooks, { seed, numRuns: 1 })[0];
}
