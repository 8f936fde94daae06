import { randomUUID } from 'node:crypto';
import { kernelOutput, type Bundle } from './kernelOutput.js';

/** Something on display below a cell, which can be replaced in place. */
export class DisplayHandle {
  readonly id: string = randomUUID();

  /** Replaces what is shown, in every place where it is shown. Does nothing outside of a notebook. */
  update(bundle: Bundle): void {
    this.send(bundle, true);
  }

  /** Adds the bundle to the output of the cell that runs; false outside of a notebook. */
  send(bundle: Bundle, update = false): boolean {
    const write = kernelOutput();
    write?.({ data: bundle, metadata: {}, transient: { display_id: this.id } }, update);
    return write !== null;
  }
}

/** Shows a bundle (MIME type to content) below the cell as one output. Outside of a notebook, prints its `text/plain`. */
export function display(bundle: Bundle): DisplayHandle {
  const handle = new DisplayHandle();
  const text = bundle['text/plain'];
  if (!handle.send(bundle) && typeof text === 'string') console.log(text);
  return handle;
}

/** Whether a notebook cell is what runs us. */
export function inNotebook(): boolean {
  return kernelOutput() !== null;
}
