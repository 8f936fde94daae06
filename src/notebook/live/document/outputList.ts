import type { Output } from '../../run/index.js';
import type { OutputsPatch } from '../protocol.js';
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

  /** What changed after a version; undefined when nothing did. */
  since(version: number, render: (output: Output) => string): OutputsPatch | undefined {
    const late = [...this.items.entries()].filter(([, item]) => item.version > version);
    if (late.length === 0 && this.lengthVersion <= version) return undefined;
    const changed = late.map(([index, item]): [number, string] => [index, (item.html ??= render(item.output))]);
    return { length: this.items.length, changed: Object.fromEntries(changed) };
  }
}

/** A display that is updated is given new data, so that its data is enough; texts and errors are made anew at each look. */
function stateOf(output: Output): unknown {
  return 'data' in output ? output.data : JSON.stringify(output);
}
