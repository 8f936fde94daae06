// Does to sparsebook what must not hurt it, and prints one table of what held: npm run torture
//   npm run torture -- --short     the few cases of each kind that npm test has time for
//   npm run torture -- disk        only the rows whose name contains "disk"
import { attackPage } from './page.ts';
import { documents } from './documents.ts';
import { floods } from './floods.ts';
import type { Probe } from './probe.ts';
import { models, resumes } from './training.ts';
import { writing } from './writing.ts';

export const probes: Probe[] = [...writing, ...documents, ...floods, ...attackPage, ...resumes, ...models];

const columns = [62, 7, 7, 8];
const line = (cells: (string | number)[]): string =>
  cells
    .map((cell, i) => (i === 0 ? String(cell).padEnd(columns[0]) : String(cell).padStart(columns[i] ?? 0)))
    .join(' ');

async function torture(words: string[]): Promise<void> {
  const short = words.includes('--short');
  const [word = ''] = words.filter((each) => !each.startsWith('--'));
  let [began, lost] = [performance.now(), 0];
  console.log(line(['what is done', 'tried', 'held', 'seconds']));
  for (const { name, run } of probes.filter((probe) => probe.name.includes(word))) {
    began = performance.now();
    const { tried, held, notes = [] } = await run(short);
    console.log(line([name, tried, held, ((performance.now() - began) / 1000).toFixed(1)]));
    for (const note of notes) console.log(`    ${note}`);
    if (held < tried) lost++;
  }
  console.log(lost === 0 ? 'everything held' : `${lost} rows did not hold`);
  // Kernels and servers are ended by then; what a fault left open must not keep the table from ending.
  process.exit(lost === 0 ? 0 : 1);
}

if (import.meta.filename === process.argv[1]) await torture(process.argv.slice(2));
