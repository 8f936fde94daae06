import { duration } from '../../../formats/text.js';
import type { CellView } from './cellView.js';
import { element } from './elements.js';

/** The page does not scroll to cells that end sooner than this. */
const QUICK_MILLISECONDS = 300;

/** Shows the running cell in the bar, one click away; the page follows it until the reader goes elsewhere. */
export class RunningView {
  private following = false;
  private cell: CellView | undefined;
  private since = 0;
  private readonly touched = new Set<string>();
  private timer = 0;
  private readonly what = element('span', { class: 'what' });
  private readonly howFar = element('span', { class: 'far' });

  constructor(
    private readonly root: HTMLButtonElement,
    reading: HTMLElement,
    /** Whether a cell's figure is in view anyway. */
    private readonly inSight: (cell: string) => boolean,
  ) {
    root.append(this.what, this.howFar, element('span', { class: 'offer' }, 'Follow'));
    root.addEventListener('click', () => {
      this.follow();
      this.cell?.reach();
    });
    const leave = (): void => this.setFollowing(false);
    for (const kind of ['wheel', 'touchmove']) addEventListener(kind, leave, { passive: true });
    for (const kind of ['pointerdown', 'keydown']) reading.addEventListener(kind, leave);
    // The scroll bar.
    addEventListener('pointerdown', ({ target }) => target === document.documentElement && leave());
  }

  /** Follows the running cells from now on. */
  follow(): void {
    this.setFollowing(true);
  }

  /** Updates the bar after a change of the cells, and scrolls if it follows them. */
  show(cells: CellView[]): void {
    const [running, queued] = ['running', 'queued'].map((state) => cells.filter(({ run }) => run.state === state));
    for (const { id } of [...running, ...queued]) this.touched.add(id);
    if (running.length + queued.length === 0) this.touched.clear();
    const cell = running.at(0) ?? queued.at(0);
    if (cell !== this.cell) this.begin(cell);
    this.root.hidden = !cell;
    if (!cell) return;
    const [title, place] = [titleOf(cells, cell), `cell ${cells.indexOf(cell) + 1}`];
    const number = this.touched.size - queued.length + (running.length === 0 ? 1 : 0);
    this.what.textContent = title ?? place;
    this.root.title = `${title ? `${title}, ` : ''}${place}: go there and follow what runs`;
    this.root.dataset.place = `${number} of ${this.touched.size}`;
    this.tick();
    if (this.following && performance.now() - this.since > QUICK_MILLISECONDS) this.keepInView(cell);
  }

  private begin(cell: CellView | undefined): void {
    this.cell = cell;
    this.since = performance.now();
    clearInterval(this.timer);
    if (!cell) return;
    this.timer = setInterval(() => this.tick(), 1000);
    setTimeout(() => this.following && cell === this.cell && this.keepInView(cell), QUICK_MILLISECONDS);
  }

  private tick(): void {
    const seconds = Math.floor((performance.now() - this.since) / 1000);
    const time = seconds < 60 ? `${seconds} s` : duration(seconds);
    this.howFar.textContent = `${this.root.dataset.place}${seconds > 0 ? `, ${time}` : ''}`;
  }

  /** Scrolls so that the cell is in view or, if it does not fit, its last output. */
  private keepInView({ id, root, outputs }: CellView): void {
    if (this.inSight(id)) return;
    const last = outputs.root.lastElementChild ?? root;
    for (const part of [root, last]) part.scrollIntoView({ block: 'nearest' });
  }

  private setFollowing(following: boolean): void {
    this.following = following;
    this.root.dataset.following = String(following);
  }
}

/** The section that a cell belongs to. */
function titleOf(cells: CellView[], cell: CellView): string | undefined {
  const above = cells.slice(0, cells.indexOf(cell)).flatMap(({ headings }) => headings);
  const heading = above.at(-1)?.cloneNode(true) as Element | undefined;
  // A formula is in the page twice, once for screen readers.
  for (const heard of heading?.querySelectorAll('.katex-mathml') ?? []) heard.remove();
  return heading?.textContent?.trim();
}
