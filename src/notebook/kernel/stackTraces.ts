import { fileURLToPath } from 'node:url';
import type { Place } from './cellScript.js';

/** How a place in a script's code is shown: its file's name, and the place in the source. */
interface Origin {
  name: () => string;
  /** Undefined for what is not of the source: it is left out. */
  locate: (place: Place) => Place | undefined;
}

/** A frame of a stack, which can be written as V8 writes it. */
interface Frame extends NodeJS.CallSite {
  toString(): string;
}

/** A kernel that runs for days forgets the oldest. */
const REMEMBERED = 1000;

const origins = new Map<string, Origin>();
const machinery = [
  fileURLToPath(new URL('.', import.meta.url)),
  'node:internal',
  'node:vm',
  'node_modules/tslab/dist/',
  'node_modules\\tslab\\dist\\',
];

/** From now on, stack traces show the places of this file in its source. */
export function rememberOrigin(file: string, origin: Origin): void {
  origins.delete(file);
  origins.set(file, origin);
  if (origins.size > REMEMBERED) origins.delete(origins.keys().next().value!);
}

function frame(site: Frame): string | undefined {
  const [file, line, column] = [site.getFileName(), site.getLineNumber(), site.getColumnNumber()];
  const origin = origins.get(file ?? '');
  if (!origin || line === null || column === null) return site.toString();
  const place = origin.locate({ line, column });
  return (
    place &&
    site.toString().replace(`${file}:${line}:${column}`, () => `${origin.name()}:${place.line}:${place.column}`)
  );
}

function headline(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return 'Error'; // its name or message cannot be made into text
  }
}

/** Has stack traces show the lines of cells as they were written, and leave out the frames of the kernel and of Node below them. */
export function repairStackTraces(): void {
  Error.prepareStackTrace = (error: Error, sites: Frame[]) => {
    const told = sites.filter((site) => !machinery.some((part) => site.getFileName()?.includes(part)));
    return [headline(error), ...told.map(frame).filter((line) => line !== undefined)].join('\n    at ');
  };
}
