import { loadAssets, policyHash } from './assets.js';
import { escapeHtml } from './escape.js';
import { katexStyle } from './katexStyle.js';
import type { Heading } from './markdown.js';

/** What a page shows; `…Html` parts are HTML, all others text. */
export interface PageParts {
  title: string;
  titleHtml: string;
  headings: Heading[];
  /** Below the title: what was set, what to beware of. */
  introHtml: string;
  mainHtml: string;
  footerHtml: string;
}

function renderContents(headings: Heading[]): string {
  const items = headings
    .filter(({ level }) => level <= 3)
    .map(({ level, id, html }) => `<li class="level-${level}"><a href="#${id}">${html}</a></li>`);
  if (items.length === 0) return '';
  return `<nav class="contents" aria-label="Contents"><details open><summary>Contents</summary><ul>${items.join('')}</ul></details></nav>`;
}

const controls = `<div class="controls" hidden>
<button type="button" id="toggle-code" aria-pressed="false">Show all code</button>
<button type="button" id="toggle-theme">Dark</button>
</div>`;

/**
 * Assembles one HTML file that needs nothing else: style, script, fonts, formulas and plotly.js are in it. Its content
 * security policy lets only this page's own scripts run and nothing be loaded, should something foreign slip through.
 */
export function renderPage(parts: PageParts): string {
  const assets = loadAssets();
  const body = `${parts.titleHtml}${parts.introHtml}${parts.mainHtml}${renderContents(parts.headings)}${parts.footerHtml}`;
  const hasFigures = parts.mainHtml.includes('class="plot"');
  const scripts = [policyHash(assets.script), ...(hasFigures ? [assets.plotlyHash] : [])].join(' ');
  const policy = `default-src 'none'; script-src ${scripts}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta http-equiv="x-dns-prefetch-control" content="off">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeHtml(parts.title)}</title>
<style>${katexStyle(body)}</style>
<style>${assets.style}</style>
<script>${assets.script}</script>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<div class="kicker"><span>sparsebook</span>${controls}</div>
<h1>${parts.titleHtml}</h1>
${parts.introHtml}
</header>
${renderContents(parts.headings)}
<main id="main" tabindex="-1">
${parts.mainHtml}
</main>
<footer>
${parts.footerHtml}
</footer>
${hasFigures ? `<script type="text/plain" id="plotly">${assets.plotly}</script>` : ''}
</body>
</html>
`;
}
