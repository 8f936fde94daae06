import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import type { Cell, CodeCell, Notebook, Output } from 'sparsebook/notebook/run/notebook.js';
import { runNotebook } from 'sparsebook/notebook/run/runNotebook.js';
import { fresh, Page, Site } from './live/site.ts';
import { notebookOf } from './report/fixture.ts';
import { saved } from './run/runs.ts';

/** The parts of a document used here, since the DOM's own types would apply to all tests. */
interface Node {
  querySelectorAll(selector: string): Iterable<Node> & ArrayLike<Node>;
  querySelector(selector: string): Node | null;
  replaceWith(other: Node | string): void;
  remove(): void;
  getAttribute(name: string): string | null;
  readonly children: Iterable<Node>;
  readonly textContent: string | null;
  readonly outerHTML: string;
  innerHTML: string;
}
const { JSDOM } = createRequire(import.meta.url)('jsdom') as {
  JSDOM: new (html: string) => { window: { document: Node & { body: Node } } };
};

/** Cells, and texts that a reader must and must not find below them. */
interface Case {
  cells: (string | Cell)[];
  shows?: RegExp;
  hides?: RegExp;
}

const tagged = (source: string, ...tags: string[]): Cell => fresh('', source, tags);
const failing = (source: string): Cell => tagged(source, 'raises-exception');
const text = (source: string): Cell => ({ cell_type: 'markdown', id: '', metadata: {}, source });
/** Code that displays a bundle as given, which the library's own functions never would. */
const puts = (data: Record<string, unknown>): string =>
  `void (await import('sparsebook/notebook/display/output.js')).display(${JSON.stringify(data)} as any);`;

/** A cell that is not run: its saved outputs are shown, whatever they are. */
const kept = (...outputs: unknown[]): Cell => ({ ...tagged('elsewhere();', 'skip-execution'), outputs }) as Cell;
const printed = { output_type: 'stream', name: 'stdout', text: 'still there' };

const table = "import { dataFrame, table } from 'sparsebook';\n";

const cases: Record<string, Case> = {
  'newer methods of lists': { cells: ['[3, 1, 2].toSorted().findLast((x) => x < 3)'], shows: /2/ },
  'a declaration with using': {
    cells: ["{\n  using file = { [Symbol.dispose]: () => console.log('closed') };\n  console.log('open');\n}"],
    shows: /open\s*closed/,
  },
  'a cell that exports': {
    cells: [
      'export const exported = 4;\nexport type Exported = number;',
      'const twice: Exported = 2 * exported;\ntwice',
    ],
    shows: /8/,
  },
  'a loop that awaits alone': { cells: ['for await (const one of [6, 7]) console.log(one);'], shows: /6\s*7/ },
  'a helper beside the notebook': {
    cells: [
      "import { thrice } from './helpers/thrice.ts';\nimport more from './helpers/more.json' with { type: 'json' };\nthrice(more.rate)",
    ],
    shows: /1.5/,
  },
  'a package of ES modules alone, asked for as it runs': {
    cells: ["const { loud } = await import('es-alone');\nloud('hear')"],
    shows: /HEAR/,
  },
  'where a cell is': { cells: ["console.log(import.meta.url.split(':')[0]);"], shows: /file/ },
  'what a cell threw after it had set a variable': {
    cells: [failing("const kept = 'is kept';\nthrow new Error('and then');"), 'kept'],
    shows: /Error: and then[^]*is kept/,
  },
  'an error whose message is no text': {
    cells: [failing('const odd: any = new Error();\nodd.message = { status: 500 };\nthrow odd;'), "console.log('on');"],
    shows: /500[^]*on/,
    hides: /\[object Object\]/,
  },
  'an error as a value': { cells: ["new Error('only a value')"], shows: /only a value/, hides: /node_modules|vm\.js/ },
  'a data frame as the last value': {
    cells: [
      "import { DataFrame } from 'danfojs-node';\nconst frame = new DataFrame([{ name: 'ada', age: 36 }]);\nframe",
    ],
    shows: /name[^]*age[^]*ada[^]*36/,
  },
  'other last values': {
    cells: ['10n ** 20n', "new Map([['one', new Set([1])]])", '-0', 'null', '/x/g', '[1.5, NaN]', 'undefined'],
    shows: /100000000000000000000n[^]*Map[^]*-0[^]*null[^]*\/x\/g[^]*NaN/,
  },
  'what a child of a cell prints': {
    cells: [
      "import { spawnSync } from 'node:child_process';\nvoid spawnSync('echo', ['from the child'], { stdio: 'inherit' });",
    ],
    shows: /from the child/,
  },
  'an interval of one cell beside the next': {
    cells: [
      "let beats = 0;\nconst beat = setInterval(() => void (++beats < 3 && console.log('tick')), 30);",
      "while (beats < 3) await new Promise((resolve) => setTimeout(resolve, 20));\nclearInterval(beat);\nconsole.log('second');",
    ],
    shows: /^tick tick second$/,
  },
  'a question without anybody to answer': {
    cells: [
      failing(
        "import { createInterface } from 'node:readline/promises';\nconst asking = createInterface({ input: process.stdin, output: process.stdout });\nconsole.log('name: ' + (await asking.question('Name? ')));",
      ),
      "console.log('went on');",
    ],
    shows: /went on/,
    hides: /name: /,
  },
  'an address that holds a folder of this machine': {
    cells: ["console.log('https://hub.example.org' + process.cwd() + '/data.csv');"],
    shows: /https:\/\/hub\.example\.org\/.*data\.csv/,
  },
  'numbers as they are': {
    cells: [
      `${table}table(dataFrame([{ rate: 1e-7, year: 2023 }, { rate: 5e-8, year: 2024 }]));`,
      'table(dataFrame([{ gap: NaN }, { gap: null }, { gap: 3.25 }] as any));',
    ],
    shows: /1e-7[^]*2023[^]*5e-8[^]*2024[^]*NaN[^]*3\.25/,
    hides: /2,023/,
  },
  'colours and lines that were written over': {
    cells: ["process.stdout.write('\\x1b[33m[##  ]\\x1b[39m\\r\\x1b[32m[####]\\x1b[39m\\nab\\bc\\n');"],
    shows: /\[####\]\s*ac/,
    hides: /\[##  \]|\x1b|\[3[23]m/,
  },
  'HTML with formulas, and what must not run': {
    cells: [puts({ 'text/html': '<p>so $a^2$ is <b onclick="x()">it</b></p><script>x()</script>' })],
    shows: /so [^]*is it/,
    hides: /\$|x\(\)/,
  },
  'a type that nothing shows': {
    cells: [puts({ 'application/vnd.unheard-of+json': { mark: 'bar' } })],
    shows: /application\/vnd\.unheard-of\+json/,
  },
  'a drawing': {
    cells: [
      puts({
        'image/svg+xml':
          '<svg xmlns="http://www.w3.org/2000/svg"><style>.a{fill:red}</style><rect class="a" width="9" height="9"/></svg>',
        'text/plain': 'a square',
      }),
    ],
  },
  'Markdown as Jupyter shows it': {
    cells: [
      text(
        '## Final Results\n\nSee [there](#Final-Results). H<sub>2</sub>O<!-- not for readers -->, - done:\n\n- [x] all\n\nNote[^1].\n\n[^1]: The note.',
      ),
      text('\\begin{align}\na &= b \\label{first}\n\\end{align}\n\nBy \\eqref{first}, $$c = 2$$ and after.'),
    ],
    shows: /Final Results[^]*there[^]*H2O[^]*all[^]*The note[^]*By \(1\), [^]*and after/,
    hides: /not for readers|\[x\]|\\begin|\$\$/,
  },
  'an output without data, and one behind it': {
    cells: [kept({ output_type: 'display_data', metadata: {} }, printed)],
    shows: /Output 1 of this cell cannot be shown: .*still there$/,
  },
  'a stream without a name': {
    cells: [kept({ output_type: 'stream', text: 'nameless' }, printed)],
    shows: /Output 1 of this cell cannot be shown: .*still there$/,
  },
  'an error without a traceback': {
    cells: [kept(printed, { output_type: 'error', ename: 'Odd', evalue: 'one' })],
    shows: /still there.*Output 2 of this cell cannot be shown/,
  },
  'an output that is a number, and an image that is none': {
    cells: [kept(5, { output_type: 'display_data', data: { 'image/png': '!' }, metadata: {} }, printed)],
    shows: /Output 1 of this cell cannot .*Output 2 of this cell cannot be shown: .*image\/png.*still there$/,
  },
  'an attachment and a file that are not there, and a name with a bad escape': {
    cells: [text('![the plot](attachment:gone.png) and ![a saved one](caf%E9.png) and a [link](other.html)')],
    shows: /the plot \(.*not attached.*\) and a saved one and a link/,
  },
  'headings, quotations and code of Markdown': {
    cells: [text('### Ergebnis für Ä\n\n> [!NOTE]\n> Take care.\n\n~~gone~~\n\n```python\nprint("x")  # comment\n```')],
    shows: /Ergebnis für Ä.*Take care\. gone print\("x"\) # comment/,
    hides: /\[!NOTE\]|~~/,
  },
  'what a tag hides': {
    cells: [
      tagged("console.log('never shown');", 'remove-output'),
      tagged("console.log('shown alone'); // but not this", 'remove-input'),
    ],
    shows: /shown alone/,
    hides: /never shown$/,
  },
};

const idOf = (name: string, index: number): string => `${Object.keys(cases).indexOf(name)}-${index}`;
const cellsOf = (name: string): Cell[] =>
  cases[name].cells.map((cell, index) => {
    const whole = typeof cell === 'string' ? fresh('', cell) : structuredClone(cell);
    return { ...whole, id: idOf(name, index) };
  });

/** The text that a reader sees in a piece of a page; the live page sanitises foreign HTML only in the browser. */
function readable(html: string): string {
  const { document } = new JSDOM(html).window;
  for (const foreign of document.querySelectorAll('[data-foreign-html]')) {
    const parts = [...foreign.children];
    foreign.innerHTML = foreign.getAttribute('data-foreign-html') ?? '';
    parts.forEach((part, index) => foreign.querySelector(`.sparsebook-part-${index}`)?.replaceWith(part));
  }
  const unread = 'script, style, annotation, .katex-html, details.code, details pre, .figure-number';
  for (const hidden of document.querySelectorAll(unread)) hidden.remove();
  for (const image of document.querySelectorAll('img')) image.replaceWith(image.getAttribute('alt') ?? '');
  return (document.body.textContent ?? '')
    .replace(/\s+/g, ' ')
    .replace(/of cell \d+/g, 'of this cell')
    .trim();
}

/** The parts of the outputs that are the same however often a cell runs. */
const lasting = ({ outputs }: CodeCell): Output[] =>
  JSON.parse(JSON.stringify(outputs).replace(/"execution_count":\d+/g, '"execution_count":0')) as Output[];

describe('the same notebook, run without a page, as a report, and in the live page', () => {
  let folder = '';
  let ran: Notebook;
  let report: Node;
  let site: Site;
  let page: Page;
  before(async () => {
    const notebook = notebookOf(text('# All cases'), ...Object.keys(cases).flatMap(cellsOf));
    site = await Site.open({ 'cases.ipynb': notebook });
    folder = site.folder;
    mkdirSync(join(folder, 'helpers'));
    writeFileSync(join(folder, 'helpers', 'thrice.ts'), 'export const thrice = (x: number): number => 3 * x;\n');
    writeFileSync(join(folder, 'helpers', 'more.json'), '{ "rate": 0.5 }');
    mkdirSync(join(folder, 'node_modules', 'es-alone'), { recursive: true });
    const manifest = { name: 'es-alone', type: 'module', exports: { import: './index.js' } };
    writeFileSync(join(folder, 'node_modules', 'es-alone', 'package.json'), JSON.stringify(manifest));
    writeFileSync(
      join(folder, 'node_modules', 'es-alone', 'index.js'),
      'export const loud = (text) => text.toUpperCase();\n',
    );
    const output = join(folder, 'ran.ipynb');
    const result = await runNotebook({ notebook: join(folder, 'cases.ipynb'), output });
    assert.equal(result.fault, undefined, JSON.stringify(result.fault));
    ran = saved(output);
    report = new JSDOM(renderReport(ran, { name: 'ran', folder })).window.document;
    page = await new Page(site, 'cases.ipynb').connect();
    await page.do({ do: 'runAll' });
    const last = ran.cells.findLast(({ cell_type }) => cell_type === 'code')!.id;
    await page.until('all cells', (at) => at.ran(last));
    assert.equal(await page.do({ do: 'save' }), true);
  });
  after(async () => {
    page?.disconnect();
    await site?.close();
  });

  /** The HTML that the report shows for a cell. */
  const inReport = (cell: Cell): string => {
    const number = ran.cells.findIndex(({ id }) => id === cell.id) + 1;
    if (cell.cell_type === 'code') return report.querySelector(`#cell-${number}`)?.outerHTML ?? '';
    const before = ran.cells.slice(0, number).filter(({ cell_type }) => cell_type === 'markdown').length;
    // The first text is only the title, which is above the others.
    return report.querySelectorAll('section.prose')[before - 2].outerHTML;
  };
  const inPage = (cell: Cell): string => {
    const { text } = page.state.cells[cell.id];
    if (cell.cell_type !== 'code') return text?.html ?? '';
    // Outputs that a report leaves out are behind a click in the live page, where they can be edited.
    return text?.folded?.includes('outputs') ? '' : page.shown(cell.id);
  };

  for (const [name, { shows = /./, hides = /$^/ }] of Object.entries(cases)) {
    test(`${name}: all three show the same, and it is correct`, () => {
      const cells = cellsOf(name);
      const shown = cells.map((cell) => readable(inReport(cell))).filter((text) => text !== '');
      assert.deepEqual(
        cells.map((cell) => readable(inPage(cell))).filter((text) => text !== ''),
        shown,
      );
      assert.match(shown.join(' '), shows);
      assert.doesNotMatch(shown.join(' '), hides);
      for (const { id } of cells) {
        const of = (notebook: Notebook): CodeCell => notebook.cells.find((cell) => cell.id === id) as CodeCell;
        if (of(ran).cell_type === 'code') assert.deepEqual(lasting(of(site.saved('cases.ipynb'))), lasting(of(ran)));
      }
    });
  }
});
