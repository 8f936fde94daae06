// Replaces the files that need Node in a browser (package.json, "browser"): its functions throw.
import { UserError } from './errors.js';

/** Thrown in a browser by a function that needs Node. */
export class NeedsNodeError extends UserError {
  /** Marks the error, also for code that has another copy of this class. */
  readonly needsNode = true;

  constructor(name: string, why: string) {
    super(`${name} needs Node: ${why}. Run the notebook on your own machine: npx sparsebook jupyter.`);
  }
}

const needsNode = (name: string, why: string) => (): never => {
  throw new NeedsNodeError(name, why);
};

export function missingImages(data: string): never {
  throw new NeedsNodeError(`data=${data}`, 'its files lie on a disk');
}

export const getCifar10 = needsNode('getCifar10', 'it downloads 162 MiB to a disk');
export const readImageFolder = needsNode('loadData(FOLDER)', "it decodes a folder's images");
export const encodeOnnx = needsNode('encodeOnnx', 'its encoder makes code from text, which a page must not');
export const saveOnnx = needsNode('saveOnnx', 'its encoder makes code from text, which a page must not');
export const follow = needsNode('follow', 'it reads what another process trains');
export const loadSweep = needsNode('loadSweep', 'sweeps lie on a disk; a saved one is read by savedOutput');
export const renderPng = needsNode('renderPng', 'it draws without a browser; a page draws figures itself');
