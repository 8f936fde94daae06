import type { Figures } from './figures.js';
import { sayThreads } from './isolate.js';
import { whenNear } from './near.js';
import { prepareTheme } from './theme.js';

function prepareCode(): void {
  const button = document.getElementById('toggle-code')!;
  const cells = [...document.querySelectorAll<HTMLDetailsElement>('details.code')];
  button.hidden = cells.length === 0;
  const announce = (): void => {
    const all = cells.every(({ open }) => open);
    button.textContent = all ? 'Hide all code' : 'Show all code';
    button.setAttribute('aria-pressed', String(all));
  };
  button.addEventListener('click', () => {
    const open = !cells.every((cell) => cell.open);
    for (const cell of cells) cell.open = open;
    announce();
  });
  for (const cell of cells) cell.addEventListener('toggle', announce);
  addEventListener('beforeprint', () => {
    for (const cell of cells) cell.open = true;
  });
  announce();
}

/** Folds the table of contents on narrow screens, and marks the section that is being read. */
function prepareContents(): void {
  const contents = document.querySelector<HTMLDetailsElement>('.contents details');
  if (!contents) return;
  const wide = matchMedia('(min-width: 72rem)');
  const fit = (): void => {
    contents.open = wide.matches;
  };
  wide.addEventListener('change', fit);
  fit();
  const links = new Map([...contents.querySelectorAll('a')].map((link) => [link.hash.slice(1), link]));
  contents.addEventListener('click', (event) => {
    if (!wide.matches && (event.target as Element).closest('a')) contents.open = false;
  });
  const headings = [...links.keys()].flatMap((id) => document.getElementById(id) ?? []);
  const mark = (): void => {
    const read = headings.filter((heading) => heading.getBoundingClientRect().top < innerHeight / 4).at(-1);
    for (const [id, link] of links) {
      if (id === read?.id) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  };
  addEventListener('scroll', mark, { passive: true });
  mark();
}

/** Makes boxes that scroll sideways reachable by keyboard, which not every browser does, and gives them a name. */
function prepareScrolling(): void {
  const observer = new ResizeObserver((entries) => {
    for (const box of new Set(entries.map(({ target }) => target.closest<HTMLElement>(scrolling)!))) {
      const wide = box.scrollWidth > box.clientWidth;
      if (wide) Object.entries(reachable).forEach(([name, value]) => box.setAttribute(name, value));
      else for (const name of Object.keys(reachable)) box.removeAttribute(name);
    }
  });
  for (const box of document.querySelectorAll(scrolling)) {
    for (const element of [box, ...box.children]) observer.observe(element);
  }
}

const scrolling = '.scroll, .katex-block, pre:not(.long)';
const reachable = { tabindex: '0', role: 'group', 'aria-label': 'Scrolls sideways' };

/** The longest wait, in milliseconds, for a page that is never idle. */
const PATIENCE = 200;

/** Waits until the page is idle or, if the browser does not tell, for a moment. */
const idle = (): Promise<void> =>
  new Promise((resolve) => {
    if ('requestIdleCallback' in window) requestIdleCallback(() => resolve(), { timeout: PATIENCE });
    else setTimeout(resolve, PATIENCE / 4);
  });

/** Draws the figures of a report: each when it comes near the screen, or else when the page is idle. */
export async function drawFigures(figures: Figures): Promise<void> {
  const places = [...document.querySelectorAll<HTMLElement>('.plot')];
  const begun = new Map<HTMLElement, Promise<void>>();
  const draw = (place: HTMLElement): Promise<void> => {
    if (!begun.has(place)) begun.set(place, figures.draw(place));
    return begun.get(place)!;
  };
  for (const place of places) whenNear(place, () => void draw(place));
  for (const place of places) {
    await idle();
    await draw(place);
  }
  if (places.length > 0) document.documentElement.dataset.figures = 'drawn';
}

/** Prepares a report except for its figures: its buttons, its contents and its scrolling boxes. */
export function prepareReport(): void {
  document.querySelector<HTMLElement>('.controls')!.hidden = false;
  prepareTheme();
  prepareCode();
  prepareContents();
  prepareScrolling();
  void sayThreads();
}
