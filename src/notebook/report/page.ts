import { loadAssets, policyHash } from './assets.js';
import { katexStyle } from './katexStyle.js';
import type { Heading } from './markdown.js';
import { asHtml, markup, type Html } from './markup.js';

/** What a page shows. */
export interface PageParts {
  title: string;
  titleHtml: Html;
  headings: Heading[];
  /** Below the title: what was set, what to beware of. */
  introHtml: Html;
  mainHtml: Html;
  footerHtml: Html;
}

function renderContents(headings: Heading[]): Html | undefined {
  const items = headings
    .filter(({ level }) => level <= 3)
    .map(({ level, id, html }) => markup`<li class="level-${level}"><a href="#${id}">${html}</a></li>`);
  if (items.length === 0) return undefined;
  return markup`<nav class="contents" aria-label="Contents"><details open><summary>Contents</summary><ul>${items}</ul></details></nav>`;
}

const controls = markup`<div class="controls" hidden>
<button type="button" id="toggle-code" aria-pressed="false">Show all code</button>
<button type="button" id="toggle-theme">Dark</button>
</div>`;

/**
 * Assembles one HTML file that needs nothing else: style, script, fonts, formulas and plotly.js are in it. Its content
 * security policy lets only this page's own scripts run and nothing be loaded, should something foreign slip through.
 */
export function renderPage(parts: PageParts): string {
  const assets = loadAssets();
  const contents = renderContents(parts.headings);
  const body = markup`${parts.titleHtml}${parts.introHtml}${parts.mainHtml}${contents}${parts.footerHtml}`;
  const hasFigures = parts.mainHtml.toString().includes('class="plot"');
  const scripts = [policyHash(assets.script), ...(hasFigures ? [assets.plotlyHash] : [])].join(' ');
  const policy = `default-src 'none'; script-src ${scripts}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'`;
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
<title>${parts.title}</title>
<style>${asHtml(katexStyle(body.toString()))}</style>
<style>${asHtml(assets.style)}</style>
<script>${asHtml(assets.script)}</script>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<div class="kicker"><span>sparsebook</span>${controls}</div>
<h1>${parts.titleHtml}</h1>
${parts.introHtml}
</header>
${contents}
<main id="main" tabindex="-1">
${parts.mainHtml}
</main>
<footer>
${parts.footerHtml}
</footer>
${hasFigures && markup`<script type="text/plain" id="plotly">${asHtml(assets.plotly)}</script>`}
</body>
</html>
`.toString();
}
