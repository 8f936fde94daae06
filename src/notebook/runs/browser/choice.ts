import { MOST_CHOSEN } from '../protocol.js';

/**
 * What the user looks at, kept in the part of the address after the #, so that a reload, a bookmark and a copied
 * address preserve it.
 */
export class Choice {
  /** The chosen runs, each in the place that gives it its colour; freed places are empty. */
  private places: string[] = [];
  /** Whether the user has chosen runs, even if none of them is left. */
  made = false;
  filter = '';
  /** The column that the runs are sorted by. */
  sort = 'began';
  /** Whether the largest comes first. */
  down = true;

  /** `changed` is called when the address is changed by hand. */
  constructor(changed: () => void) {
    this.read();
    addEventListener('hashchange', () => {
      this.read();
      changed();
    });
  }

  /** The chosen runs and their places. */
  get runs(): [id: string, place: number][] {
    return this.places.flatMap((id, place) => (id === '' ? [] : [[id, place] as [string, number]]));
  }

  /** The place of a run; undefined for one that is not chosen. */
  placeOf(id: string): number | undefined {
    const place = this.places.indexOf(id);
    return place < 0 ? undefined : place;
  }

  /** Chooses a run, or drops it if it is chosen; returns false if there are too many. */
  toggle(id: string): boolean {
    const place = this.placeOf(id);
    const free = this.places.includes('') ? this.places.indexOf('') : this.places.length;
    if (place === undefined && free >= MOST_CHOSEN) return false;
    if (place === undefined) this.places[free] = id;
    else this.places[place] = '';
    this.made = true;
    this.write();
    return true;
  }

  /** Chooses these runs and no others. */
  take(ids: readonly string[]): void {
    this.places = ids.slice(0, MOST_CHOSEN);
    this.made = true;
    this.write();
  }

  /** Sorts by a column, the largest first; reverses the order if it is sorted by that column already. */
  sortBy(column: string): void {
    this.down = this.sort === column ? !this.down : true;
    this.sort = column;
    this.write();
  }

  /** Writes the choice to the address. */
  write(): void {
    while (this.places.at(-1) === '') this.places.pop();
    const words = new URLSearchParams(this.places.map((id) => ['run', id]));
    if (this.made && this.places.length === 0) words.append('run', '');
    if (this.filter !== '') words.set('filter', this.filter);
    if (this.sort !== 'began' || !this.down) words.set('sort', `${this.down ? '-' : ''}${this.sort}`);
    history.replaceState(null, '', `${location.pathname}#${words}`);
  }

  private read(): void {
    const words = new URLSearchParams(location.hash.slice(1));
    this.made = words.has('run');
    const ids = words.getAll('run').slice(0, MOST_CHOSEN);
    this.places = ids.map((id, place) => (ids.indexOf(id) === place ? id : ''));
    this.filter = words.get('filter') ?? '';
    const sort = words.get('sort') ?? '-began';
    this.down = sort.startsWith('-');
    this.sort = sort.replace(/^-/, '');
  }
}
