import { faultOfOutput, type Output } from '../../run/index.js';
import type { OutputsPatch } from '../protocol.js';
import type { Renderer } from './liveCell.js';
import type { Clock } from './slice.js';

interface Item {
  output: Output;
  /** What tells one state of the output from another. */
  state: unknown;
  version: number;
  /** The output as HTML, made when it is first asked for. */
  html?: string;
}

/** The outputs of a cell, each with the version of its last change. */
export class OutputList {
  private items: Item[] = [];
  private lengthVersion: number;

  constructor(
    private readonly clock: Clock,
    outputs: Output[],
  ) {
    this.lengthVersion = clock.tick();
    this.set(outputs);
  }

  /** Takes the outputs as they are now; returns whether any differs from what was there. */
  set(outputs: Output[]): boolean {
    const before = this.items;
    const changed = outputs.length !== before.length;
    if (changed) this.lengthVersion = this.clock.tick();
    this.items = outputs.map((output, index) => {
      const old = before.at(index);
      const state = stateOf(output);
      return old && old.state === state ? { ...old, output } : { output, state, version: this.clock.tick() };
    });
    return changed || this.items.some((item, index) => item.version !== before[index].version);
  }

  /** How many characters of HTML there are of them. */
  get size(): number {
    return this.items.reduce((sum, { html = '' }) => sum + html.length, 0);
  }

  /** What changed after a version; undefined when nothing did. `room` is what the page has left for HTML. */
  since(version: number, renderer: Renderer, room: PageRoom): OutputsPatch | undefined {
    const late = [...this.items.entries()].filter(([, item]) => item.version > version);
    if (late.length === 0 && this.lengthVersion <= version) return undefined;
    const changed = late.map(([index, item]): [number, string] => {
      item.html ??= within(room, renderer.output(item.output), renderer);
      return [index, item.html];
    });
    return { length: this.items.length, changed: Object.fromEntries(changed) };
  }
}

/** How many characters of HTML a page still takes. */
export interface PageRoom {
  left: number;
}

function within(room: PageRoom, html: string, renderer: Renderer): string {
  const fits = html.length <= room.left;
  const shown = fits
    ? html
    : renderer.notice('An output is left out here: the page holds as much as it can. It is kept, and saved.');
  room.left -= shown.length;
  return shown;
}

/**
 * A display that is updated is given new data, so that its data is enough; texts and errors are made anew at each look; what is no
 * output (a file may hold anything) never changes.
 */
function stateOf(output: Output): unknown {
  if (faultOfOutput(output) !== undefined) return output;
  switch (output.output_type) {
    case 'stream':
      return JSON.stringify([output.name, output.text]);
    case 'error':
      return JSON.stringify([output.ename, output.evalue, output.traceback]);
    default:
      return output.data;
  }
}
