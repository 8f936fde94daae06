import { markup, type Html } from '../../report/markup.js';

/** A page around its body; `script` is the asset that fills it and keeps the key. */
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

/** What switches between light and dark. */
export const themeButton = markup`<button type="button" id="toggle-theme">Dark</button>`;

/** The page that lists the notebooks, also in place of one that cannot be opened; its script fills it, and keeps the key. */
export function listPage(folder: string, key?: string, fault?: string): string {
  const notice = fault !== undefined && markup`<div class="notice"><p>${fault}.</p></div>`;
  return page(
    'Notebooks',
    'list.js',
    markup`<body class="list">
<header class="bar"><div class="row"><span class="home">sparsebook</span><span class="space"></span>${themeButton}</div></header>
<main id="main">
<h1>Notebooks</h1>
<p class="folder">in <code>${folder}</code></p>
<div id="notices" role="status">${notice}</div>
<ul id="notebooks" class="notebooks" aria-label="Notebooks"></ul>
<noscript>This page needs JavaScript.</noscript>
</main>
</body>`,
    key,
  );
}

/** What the toolbar offers: action, words, what they mean, and whether a phone hides it behind "More". */
const tools: [action: string, label: string, title: string, more?: boolean][] = [
  ['runAndAdvance', 'Run', 'Run the selected cell and go to the next (Shift+Enter)'],
  ['runAll', 'Run all', 'Run all cells from the first to the last'],
  ['runFrom', 'Run from here', 'Run the selected cell and all below it', true],
  ['interrupt', 'Interrupt', 'Stop what runs; variables stay (press i twice)'],
  ['restart', 'Restart', 'End the kernel and start another; variables go (press 0 twice)', true],
  ['stop', 'Stop', 'End the kernel; it starts again when a cell runs', true],
  ['save', 'Save', 'Save to the file (Ctrl+S)'],
  ['showKeys', 'Keys', 'Show the keyboard shortcuts (h)', true],
];

/** The page of a notebook; its script fills it, and keeps the key. */
export function notebookPage(path: string, key?: string): string {
  const buttons = tools.map(
    ([action, label, title, more]) =>
      markup`<button type="button" data-action="${action}" title="${title}"${more && markup` class="rare"`}>${label}</button>`,
  );
  return page(
    path,
    'notebook.js',
    markup`<body class="notebook">
<a class="skip" href="#cells">Skip to the cells</a>
<header class="bar">
<div class="row"><a class="home" href="/" title="All notebooks">sparsebook</a><span class="name" title="${path}">${path}</span><span id="saved" role="status"></span><span class="space"></span>${themeButton}</div>
<div class="row"><div class="tools" role="toolbar" aria-label="Run and save">${buttons}<button type="button" id="more" aria-expanded="false">More</button></div><span class="space"></span><span id="kernel" role="status"></span></div>
<div id="notices" role="alert"></div>
</header>
<div class="desk">
<aside id="panel" class="panel" aria-label="Parameters" hidden></aside>
<main id="cells" tabindex="-1" aria-label="Cells"><p class="loading">Opening …</p></main>
</div>
<dialog id="keys" aria-labelledby="keys-title"></dialog>
<link rel="stylesheet" href="/assets/katex.css">
<noscript>This page needs JavaScript.</noscript>
</body>`,
    key,
  );
}

/** What somebody sees who may not see more. */
export function refusalPage(reason: string): string {
  return page(
    'sparsebook',
    undefined,
    markup`<body class="list"><main><h1>No entry</h1><p>${reason}.</p>
<p>Start the server in a terminal, by <code>npm start</code> or <code>sparsebook runs --open</code>, and open the address that it prints.</p></main></body>`,
  );
}
