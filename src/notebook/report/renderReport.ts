import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { assetFolder, mapFolder } from '../assets.js';
import { toBase85 } from './base85.js';
import { Latex } from '../render/latex.js';
import { countTitles, type Heading, type Outline, renderMarkdownCell, textsOf } from '../render/markdown.js';
import { asHtml, type Html, joinedHtml, jsonForScript, markup, orNotice } from '../render/markup.js';
import { hasTag, joined, languageOf, type Notebook } from '../run/notebook.js';
import { renderCodeCell } from './cells.js';
import { outputPage } from '../render/inNode.js';
import type { PageProgram } from '../page/program.js';
import { type PackedScript, packedScript, plotlyFor, policyHash } from './plotlyBundle.js';
import { readProvenance, renderNotices } from './provenance.js';
import { type DeclaredParameter, parametersOf } from '../run/parameters.js';
import type { ParameterValue } from '../run/syntax.js';

const folder = dirname(createRequire(import.meta.url).resolve('katex/dist/katex.min.css'));

const readAsset = (name: string): Buffer => readFileSync(join(assetFolder, name));

/** Puts gzipped bytes as text in an element; the page's script unpacks them with the browser's DecompressionStream. */
function packed(attribute: Html, gzipped: Uint8Array): Html {
  return markup`<script type="text/plain" ${attribute}>${asHtml(toBase85(gzipped))}</script>`;
}

/** The same, with an id. On a page of a site, the bytes become a file of the site that the element names. */
function carried(id: string, gzipped: Uint8Array, site?: Site): Html {
  if (!site) return packed(markup`id="${id}"`, gzipped);
  return markup`<script type="text/plain" id="${id}" data-from="${site.share(id, gzipped)}"></script>`;
}

/** What a page needs to run cells: the data about them, and the session's script. */
function renderSession({ notebook }: PageProgram, session: PackedScript, site?: Site): Html {
  return markup`<script type="application/json" id="notebook">${jsonForScript(notebook)}</script>
${carried('session', session.gzipped, site)}
`;
}

/** What the first run needs: the library, the cells, and the files that they read. */
function renderProgram({ code, files }: PageProgram, site?: Site): Html {
  const saved = [...files].map(([path, bytes]) => packed(markup`data-file="${path}"`, gzipSync(bytes, { level: 9 })));
  return markup`${carried('worker', readAsset('worker.js'), site)}
${packed(markup`id="cells"`, gzipSync(code))}
${joinedHtml(saved, '\n')}`;
}

/**
 * KaTeX's style sheet for a page, with the fonts that its formulas use inlined; empty if it has no formulas, unless it
 * runs and may yet have some. All fonts together would be 350 kB, the usual ones are half of that.
 */
function katexStyle(html: string, runs: boolean): string {
  if (!runs && !html.includes('class="katex')) return '';
  const css = readFileSync(join(folder, 'katex.min.css'), 'utf8');
  const [faces, rules] = [css.match(/@font-face\{[^}]*\}/g) ?? [], css.replace(/@font-face\{[^}]*\}/g, '')];
  const classes = new Set([...html.matchAll(/class="([^"]*)"/g)].flatMap((match) => match[1].split(' ')));
  const used = new Set(['KaTeX_Main', 'KaTeX_Math']);
  for (const [, selectors = '', family = ''] of rules.matchAll(/([^{}]*)\{[^}]*font-family:(KaTeX_\w+)[^}]*\}/g)) {
    const wanted = selectors
      .split(',')
      .some((selector) => [...selector.matchAll(/\.([\w-]+)/g)].every(([, name]) => classes.has(name)));
    if (wanted) used.add(family);
  }
  const inlined = faces
    .filter((face) => used.has(/font-family:(\w+)/.exec(face)?.[1] ?? ''))
    .map((face) =>
      face.replace(/src:url\(fonts\/([^)]+\.woff2)\)[^;}]*/, (_, file: string) => {
        const data = readFileSync(join(folder, 'fonts', file)).toString('base64');
        return `src:url(data:font/woff2;base64,${data}) format("woff2")`;
      }),
    );
  return inlined.join('') + rules;
}

function renderContents(headings: Heading[]): Html | undefined {
  const items = headings
    .filter(({ level }) => level <= 3)
    .map(({ level, id, html }) => markup`<li class="level-${level}"><a href="#${id}">${html}</a></li>`);
  if (items.length === 0) return undefined;
  return markup`<nav class="contents" aria-label="Contents"><details open><summary>Contents</summary><ul>${items}</ul></details></nav>`;
}

/** Embeds the maps on which a report's figures are drawn; some parts of the world have none. */
function renderMaps(names: Iterable<string> = []): Html[] {
  const maps = [...names].map((name) => [name, join(mapFolder, `${name}.json`)] as const);
  return maps
    .filter(([name, path]) => /^[a-z-]+_\d+m$/.test(name) && existsSync(path))
    .map(([name, path]) => {
      const map = jsonForScript(JSON.parse(readFileSync(path, 'utf8')));
      return markup`<script type="application/json" data-map="${name}">${map}</script>`;
    });
}

export const controls: Html = markup`<div class="controls" hidden>
<button type="button" id="toggle-code" aria-pressed="false">Show all code</button>
<button type="button" id="toggle-theme">Dark</button>
</div>`;

export interface ReportOptions {
  /** The notebook's name, shown in the footer and, if the notebook has no heading of level 1, as the title. */
  name: string;
  /** The notebook's folder, from which images that its text names are read. Without it, none are read. */
  folder?: string;
  /** What the page needs to run the notebook. Without it the page shows what is saved. */
  program?: PageProgram;
  /** The site, if the page belongs to one. */
  site?: Site;
}

/** What pages of a site have in common. */
export interface Site {
  /** The address of the page that lists them. */
  list: string;
  /** The address of the service worker that isolates them, so that their threads share memory. */
  serviceWorker: string;
  /**
   * Makes bytes a file of the site, once, and returns its address, which depends on the bytes, so that a cache never
   * mixes versions.
   */
  share(name: string, bytes: Uint8Array): string;
}

function renderParameter({ name, value, before, comment }: DeclaredParameter): Html {
  const text = (one: ParameterValue | undefined): string => (one === undefined ? 'computed' : JSON.stringify(one));
  const changed = before !== undefined && text(before.value) !== text(value);
  const was = changed && markup` <span class="was">instead of <code>${text(before.value)}</code></span>`;
  const shown = markup`<td class="value"><code>${text(value)}</code>${was}</td><td>${comment}</td>`;
  return markup`<tr${was && markup` class="changed"`}><th scope="row"><code>${name}</code></th>${shown}</tr>`;
}

function renderParameters({ cells }: Notebook): Html | undefined {
  const parameters = parametersOf(cells);
  if (parameters.length === 0) return undefined;
  return markup`<section class="facts" aria-labelledby="parameters"><h2 id="parameters">Parameters</h2>
<div class="scroll"><table><thead><tr><th scope="col">Name</th><th scope="col">Value</th><th scope="col">Meaning</th></tr></thead>
<tbody>${parameters.map(renderParameter)}</tbody></table></div></section>`;
}

function renderProvenance(notebook: Notebook): Html | undefined {
  const rows = readProvenance(notebook);
  if (rows.length === 0) return undefined;
  const cells = rows.map(([what, value]) => markup`<tr><th scope="row">${what}</th><td>${value}</td></tr>`);
  return markup`<section class="facts" aria-labelledby="provenance"><h2 id="provenance">Provenance</h2>
<div class="scroll"><table><tbody>${cells}</tbody></table></div></section>`;
}

/**
 * The policy of what may run: scripts with these hashes; in a page that runs, also WebAssembly and workers that the
 * page makes; in a page of a site, its service worker. No page makes code from text; only a site's page asks a server,
 * its own.
 */
function scriptPolicy(hashes: string[], runs: boolean, site?: Site): string {
  const scripts = [...hashes, ...(runs ? ["'wasm-unsafe-eval'"] : [])].join(' ');
  const workers = [...(runs ? ['blob:'] : []), ...(site ? ["'self'"] : [])].join(' ') || "'none'";
  return `script-src ${scripts}; worker-src ${workers}; connect-src ${site ? "'self'" : "'none'"}`;
}

/** The note at the end of a page; on a page of a site, its script fills in the number of threads. */
export const footnote = (site?: Site): Html =>
  site
    ? markup`This page loads nothing from other sites. Pages that run train on <span id="threads">one thread</span> here.`
    : markup`This page is one file and loads nothing.`;

/**
 * Renders a notebook with its saved outputs as one HTML file that needs nothing else: style, script, fonts, formulas
 * and plotly.js are in it (pages of a site share some scripts). Its policy lets only its own scripts run and nothing be
 * loaded from elsewhere, even if something foreign slips through.
 */
export function renderReport(notebook: Notebook, { name, folder, program, site }: ReportOptions): string {
  const texts = textsOf(notebook.cells);
  const titles = texts.reduce((count, { source }) => count + countTitles(source), 0);
  const outline: Outline = { headings: [], deeper: titles > 1 };
  const page = outputPage(folder, new Latex(() => texts));
  const language = languageOf(notebook);
  const cells = notebook.cells.map((cell, index) => {
    if (cell.cell_type === 'code') {
      return orNotice(`Cell ${index + 1}`, cell.source, () => renderCodeCell(cell, index + 1, page, language));
    }
    if (cell.cell_type === 'markdown' && !hasTag(cell, 'remove-cell')) {
      const { id, attachments, source } = cell;
      const html = renderMarkdownCell(joined(source), outline, page, { id, attachments, name: `Cell ${index + 1}` });
      return html.toString().trim() !== '' && markup`<section class="prose">${html}</section>`;
    }
    return undefined;
  });
  const title = outline.title ?? { text: name, html: markup`${name}` };
  const notices = renderNotices(notebook);
  const parameters = orNotice('The table of parameters', undefined, () => renderParameters(notebook));
  const provenance = orNotice('The provenance', undefined, () => renderProvenance(notebook));
  const main = joinedHtml(cells, '\n');
  const contents = renderContents(outline.headings);
  const body = markup`<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<div class="kicker">${site ? markup`<a href="${site.list}">All notebooks</a>` : markup`<span>sparsebook</span>`}${controls}</div>
<h1>${title.html}</h1>
${notices}${parameters}
</header>
${program ? markup`<div class="side"><aside id="panel" class="panel" aria-label="Parameters"></aside>${contents}</div>` : contents}
<main id="main" tabindex="-1">
${main}
</main>
<footer>
${provenance}<p>Rendered by sparsebook from <code>${name}</code>. ${footnote(site)}</p>
</footer>`;
  // A page that runs may draw figures that are not saved.
  const draws = program !== undefined || main.toString().includes('class="plot"');
  const plotly = draws ? plotlyFor(page.traces ?? [], program && notebook) : undefined;
  return renderPage({ title: title.text, body, plotly, maps: page.maps, program, site });
}

interface Page extends Pick<ReportOptions, 'program' | 'site'> {
  title: string;
  /** The body from its opening tag on, without its closing tag. */
  body: Html;
  /** plotly.js for its figures, and the maps on which they are drawn. */
  plotly?: PackedScript;
  maps?: Iterable<string>;
}

/**
 * Renders a page around its body, with style, scripts and policy. The first screen does not need plotly.js or what
 * cells run with, so these follow the scripts, packed, and are unpacked when needed.
 */
export function renderPage({ title, body, plotly, maps, program, site }: Page): string {
  const kind = program ? 'page' : 'report';
  const [look, script] = ['look.js', 'report.js'].map((name) => readAsset(name).toString());
  const session = program && packedScript('session.js');
  const hashes = [policyHash(look), policyHash(script), ...[session, plotly].flatMap((one) => one?.hash ?? [])];
  const policy = `default-src 'none'; ${scriptPolicy(hashes, program !== undefined, site)}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${asHtml(policy)}">
<meta http-equiv="x-dns-prefetch-control" content="off">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
${site && markup`<meta name="service-worker" content="${site.serviceWorker}">`}
<title>${title}</title>
<style>${asHtml(katexStyle(body.toString(), program !== undefined))}</style>
<style>${asHtml(readAsset(`${kind}.css`).toString())}</style>
<script>${asHtml(look)}</script>
</head>
${body}
${renderMaps(maps)}${session && renderSession(program, session, site)}<script>${asHtml(script)}</script>
${plotly && carried('plotly', plotly.gzipped, site)}
${program && renderProgram(program, site)}
</body>
</html>
`.toString();
}
