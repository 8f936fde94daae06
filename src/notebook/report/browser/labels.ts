interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const meet = (a: Box, b: Box): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/**
 * Where a label may move from where the figure put it, in its own widths and heights: nowhere, below the point, beside
 * it, higher.
 */
const places: readonly [across: number, down: number][] = [
  [0, 0],
  [0, 1.9],
  [0.62, 0.9],
  [-0.62, 0.9],
  [0.55, 0],
  [-0.55, 0],
  [0.55, 1.9],
  [-0.55, 1.9],
  [0, -0.9],
  [0, 2.8],
];

/**
 * Keeps the labels of points apart at the figure's current size: each label moves to the first place around its point
 * where it overlaps no other label and stays in the figure. A label without such a place is hidden; pointing at the
 * point shows it.
 */
function separateLabels(place: HTMLElement): void {
  const labels = [...place.querySelectorAll<SVGTextElement>('.scatterlayer .textpoint text')];
  const { left, right } = place.getBoundingClientRect();
  const taken: Box[] = [];
  for (const label of labels) label.style.translate = label.style.visibility = '';
  for (const [label, box] of labels.map((label) => [label, label.getBoundingClientRect()] as const)) {
    const moved = (across: number, down: number): Box => {
      const [x, y] = [across * box.width, down * box.height];
      return { left: box.left + x, right: box.right + x, top: box.top + y, bottom: box.bottom + y };
    };
    const free = places.find(([across, down]) => {
      const there = moved(across, down);
      return there.left >= left && there.right <= right && !taken.some((other) => meet(there, other));
    });
    if (!free) {
      label.style.visibility = 'hidden';
      continue;
    }
    taken.push(moved(...free));
    if (free !== places[0]) label.style.translate = `${free[0] * box.width}px ${free[1] * box.height}px`;
  }
}

const watched = new WeakSet<HTMLElement>();

/** Separates the labels of a drawn figure now and whenever plotly draws it again. */
export function keepLabelsApart(place: HTMLElement): void {
  separateLabels(place);
  if (watched.has(place)) return;
  watched.add(place);
  (place as HTMLElement & { on?(event: string, listener: () => void): void }).on?.('plotly_afterplot', () =>
    separateLabels(place),
  );
}
