import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { assetFolder } from '../assets.js';
import { cartesianTraces } from '../cartesianTraces.js';
import { joined, type Notebook } from '../run/notebook.js';

/** A script of the page: its bytes as embedded, and its hash as the page's policy names it. */
export interface PackedScript {
  gzipped: Buffer;
  hash: string;
}

/** The SHA-256 of a script in the notation of a content security policy. */
export const policyHash = (script: string | Uint8Array): string =>
  `'sha256-${createHash('sha256').update(script).digest('base64')}'`;

const read = new Map<string, PackedScript>();

/** A script that `npm run build` has packed; read once. */
export function packedScript(name: string): PackedScript {
  const known = read.get(name);
  if (known) return known;
  const gzipped = readFileSync(join(assetFolder, name));
  const script = { gzipped, hash: policyHash(gunzipSync(gzipped)) };
  read.set(name, script);
  return script;
}

/** The types that cells name in their code: a page that runs may yet draw such traces. Includes types of axes. */
const namedIn = ({ cells }: Notebook): string[] =>
  cells
    .filter(({ cell_type }) => cell_type === 'code')
    .flatMap(({ source }) =>
      [...joined(source).matchAll(/\btype['"]?\s*:\s*(['"])(\w+)\1/g)].map(([, , type]) => type),
    );

/** plotly.js for figures with these trace types and, if the page runs a notebook, those that its cells name. */
export function plotlyFor(traces: Iterable<string>, notebook?: Notebook): PackedScript {
  const types = [...traces, ...(notebook ? namedIn(notebook) : [])];
  return packedScript(types.every((type) => cartesianTraces.has(type)) ? 'plotly-cartesian.js' : 'plotly.js');
}
