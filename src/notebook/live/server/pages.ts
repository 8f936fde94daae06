import { markup, type Html } from '../../render/markup.js';

/** A whole page around its body; `script` is the asset that fills the page and stores the key. */
export function page(title: string, script: string | undefined, body: Html, key?: string): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
${key !== undefined && markup`<meta name="key" content="${key}">`}
<title>${title}</title>
<link rel="stylesheet" href="/assets/live.css">
${script !== undefined && markup`<script src="/assets/${script}"></script>`}
</head>
${body}
</html>
`.toString();
}

/** The button that switches between light and dark. */
export const themeButton = markup`<button type="button" id="toggle-theme" class="rare">Dark</button>`;

/**
 * The page that lists the notebooks, also shown instead of a notebook that cannot be opened (`fault` says why); its
 * script fills it and stores the key.
 */
export function listPage(folder: string, key?: string, fault?: string): string {
  const notice = fault !== undefined && markup`<div class="notice"><p>${fault}.</p></div>`;
  return page(
    'Notebooks',
    'list.js',
    markup`<body class="list">
<header class="bar"><div class="row"><span class="home">sparsebook</span><span class="space"></span>${themeButton}</div></header>
<main id="main">
<h1>Notebooks</h1>
<div class="row"><p class="folder">in <code>${folder}</code></p><span class="space"></span><button type="button" id="new" title="Make a notebook, and open it">New notebook</button></div>
<div id="notices" role="status">${notice}</div>
<ul id="notebooks" class="notebooks" aria-label="Notebooks"></ul>
<noscript>This page needs JavaScript.</noscript>
</main>
</body>`,
    key,
  );
}

type Tool = [action: string, label: string, title: string, rare?: 'rare'];

/** The toolbar's buttons: action, label, title, and whether a phone hides the button behind "More". */
const tools: Tool[] = [
  ['runAndAdvance', 'Run cell', 'Run the selected cell and go to the next (Shift+Enter)'],
  ['runAll', 'Run all', 'Run all cells from the first to the last'],
  ['runFrom', 'Run from here', 'Run the selected cell and all below it', 'rare'],
  ['interrupt', 'Interrupt', 'Stop what runs; variables stay (press i twice)'],
  ['restart', 'Restart', 'End the kernel and start another; variables go (press 0 twice)', 'rare'],
  ['stop', 'Stop', 'End the kernel; it starts again when a cell runs', 'rare'],
  ['search', 'Find', 'Find in sources, texts and outputs (Ctrl+F)', 'rare'],
  ['showKeys', 'Keys', 'Show the keyboard shortcuts (h)', 'rare'],
];

const fileTools: Tool[] = [
  ['makeNew', 'New notebook', 'Make a notebook, and open it'],
  ['duplicate', 'Duplicate', 'Make a copy of this notebook, and open it'],
  ['rename', 'Rename', 'Give this notebook another name'],
  ['download', 'Download', 'Get this notebook as a file, as it is now'],
  ['report', 'Export report', 'Get this notebook’s report, one HTML file'],
];

const buttons = (of: Tool[]): Html[] =>
  of.map(
    ([action, label, title, rare]) =>
      markup`<button type="button" data-action="${action}" title="${title}"${rare && markup` class="rare"`}>${label}</button>`,
  );

/** The page of a notebook; its script fills it and stores the key. */
export function notebookPage(path: string, key?: string): string {
  return page(
    path,
    'notebook.js',
    markup`<body class="notebook">
<a class="skip" href="#cells">Skip to the cells</a>
<header class="bar">
<div class="row"><a class="home" href="/" title="All notebooks">sparsebook</a><span class="name" title="${path}">${path}</span><span id="saved" role="status"></span><button type="button" data-action="save" title="Save into the notebook’s file (Ctrl+S)">Save</button><button type="button" id="discard" data-action="discardDraft" class="rare" title="Go back to what the notebook’s file holds" hidden>Discard</button><span class="space"></span><button type="button" popovertarget="outline" class="for-outline">Outline</button><button type="button" popovertarget="file" class="rare">File</button>${themeButton}</div>
<div class="row"><div class="tools" role="toolbar" aria-label="Run and find">${buttons(tools)}<button type="button" id="more" aria-expanded="false">More</button></div><span class="space"></span><button type="button" id="running" hidden></button><span id="kernel" role="status"></span></div>
<div id="search" class="row" role="search" hidden></div>
<div id="notices" role="alert"></div>
</header>
<div id="file" class="sheet menu" popover aria-label="File">${buttons(fileTools)}</div>
<div class="panes">
<aside id="panel" class="panel" aria-label="Parameters and variables"></aside>
<div class="work"><section id="pinned" aria-label="Pinned figure" hidden></section>
<main id="cells" tabindex="-1" aria-label="Cells"><p class="loading">Opening …</p></main></div>
<nav id="outline" class="sheet" popover aria-label="Outline"></nav>
</div>
<dialog id="keys" aria-labelledby="keys-title"></dialog>
<link rel="stylesheet" href="/assets/katex.css">
<noscript>This page needs JavaScript.</noscript>
</body>`,
    key,
  );
}

/** The page for a browser without access. */
export function refusalPage(reason: string): string {
  return page(
    'sparsebook',
    undefined,
    markup`<body class="list"><main><h1>No entry</h1><p>${reason}.</p>
<p>Start the server in a terminal, by <code>npm start</code> or <code>sparsebook runs --open</code>, and open the address that it prints.</p></main></body>`,
  );
}
