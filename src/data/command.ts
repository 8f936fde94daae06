import { resolve } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../errors.js';
import { archiveFile, officialArchive } from './cifar10/archive.js';
import { dataFolder } from './dataFolder.js';
import { describeData } from './describeData.js';
import { getCifar10 } from './download/getCifar10.js';
import { transferMeter } from './download/transferMeter.js';
import { loadData } from './loadData.js';

function mirrorUrl(text: string): string {
  if (!/^https?:\/\/./.test(text)) {
    throw new UserError(`--mirror must be an http or https address of the archive; received ${text}.`);
  }
  return text.endsWith('/') ? text + archiveFile : text;
}

async function get(name: string, { to, mirror }: { to?: string; mirror?: string }): Promise<void> {
  if (name !== 'cifar10') throw new UserError(`The data set that can be downloaded is cifar10; received ${name}.`);
  const url = mirror === undefined ? officialArchive.url : mirrorUrl(mirror);
  process.stderr.write(`Getting CIFAR-10 from ${url}\n`);
  const folder = await getCifar10({
    to: to === undefined ? dataFolder() : resolve(to),
    archive: { ...officialArchive, url },
    onProgress: transferMeter(process.stderr),
    onRetry: (reason, pauseMs) => process.stderr.write(`\n${reason}; trying again in ${pauseMs / 1000} s\n`),
  });
  process.stdout.write(`CIFAR-10 is in ${folder}. Use it with data=${to === undefined ? 'cifar10' : folder}\n`);
}

async function check(data: string): Promise<void> {
  const splits = await loadData(data);
  process.stdout.write(`${describeData(splits)}\n`);
  for (const [k, className] of splits.train.classNames.entries()) {
    const counts = [splits.train, splits.validation, splits.test].map(
      (set) => set.labels.filter((l) => l === k).length,
    );
    process.stdout.write(`  ${className.padEnd(12)}${counts.map((n) => String(n).padStart(7)).join('')}\n`);
  }
}

/** Adds `sparsebook data get` and `sparsebook data check`. */
export function addDataCommand(program: Command): void {
  const data = program.command('data').description('Get and check data sets.');
  data
    .command('get')
    .description('Download CIFAR-10 (162 MiB); a stopped download goes on where it was.')
    .argument('<name>', 'cifar10')
    .option('--to <folder>', "where to put it (default: the project's data/)")
    .option('--mirror <url>', 'another address of the same archive')
    .action(get);
  data
    .command('check')
    .description('Read a data set whole, check it, and print what it holds.')
    .argument('[data]', 'synthetic, cifar10 or a folder with its binary files', 'cifar10')
    .action(check);
}
