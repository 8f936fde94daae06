// Attacks sparsebook in ways that must not harm it, and prints a table of what held: npm run torture
//   npm run torture -- --short     the few cases of each kind that npm test has time for
//   npm run torture -- disk        only the rows whose name contains "disk"
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { attackPage } from './page.ts';
import { documents } from './documents.ts';
import { floods } from './floods.ts';
import type { Probe } from './probe.ts';
import { sweeps } from './sweeps.ts';
import { models, resumes } from './training.ts';
import { writing } from './writing.ts';

const probes: Probe[] = [...documents, ...sweeps, ...floods, ...writing, ...resumes, ...attackPage, ...models];

const [NAME, NUMBER] = [74, 8];
const line = (name: string, ...numbers: (string | number)[]): string =>
  [name.padEnd(NAME), ...numbers.map((number) => String(number).padStart(NUMBER))].join('');

/** Runs a row in this process, and prints it; returns whether everything held. */
async function fill({ name, run }: Probe, short: boolean): Promise<boolean> {
  const began = performance.now();
  const { tried, held, notes = [] } = await run(short);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log([line(name, tried, held, seconds), ...notes.map((note) => `    ${note}`)].join('\n'));
  return held === tried;
}

/** Runs a row in its own process, so that its memory and a crash affect no other row; prints its output. */
async function fillApart({ name }: Probe, short: boolean): Promise<boolean> {
  const words = [...process.execArgv, import.meta.filename, '--row', name, ...(short ? ['--short'] : [])];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [said, complained] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complained += text));
  const [code] = (await once(child, 'close')) as [number | null];
  process.stdout.write(said || `${line(name, 1, 0, '-')}\n${complained}\n`);
  return code === 0;
}

async function torture(words: string[]): Promise<boolean> {
  const short = words.includes('--short');
  const [word = ''] = words.filter((each) => !each.startsWith('--'));
  if (words.includes('--row'))
    return fill(
      probes.find(({ name }) => name === word)!,
      short,
    );
  console.log(line('what is done', 'tried', 'held', 'seconds'));
  const waiting = probes.filter(({ name }) => name.includes(word));
  let lost = 0;
  const lane = async (): Promise<void> => {
    for (let probe = waiting.shift(); probe; probe = waiting.shift()) if (!(await fillApart(probe, short))) lost++;
  };
  // Two at a time: the longest rows come first in the list.
  await Promise.all([lane(), lane()]);
  console.log(lost === 0 ? 'everything held' : `${lost} rows did not hold`);
  return lost === 0;
}

// Exits even if a fault has left something open.
if (import.meta.filename === process.argv[1]) process.exit((await torture(process.argv.slice(2))) ? 0 : 1);
