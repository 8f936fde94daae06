import { resolve } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../errors.js';
import { archiveFile, officialArchive } from '../data/cifar10.js';
import { dataFolder } from '../data/dataFolder.js';
import { loadData } from '../data/loadData.js';
import { describeData } from '../data/dataSplits.js';
import { getCifar10 } from '../data/getCifar10.js';
import type { Transfer } from '../data/download.js';

const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** Seconds as "1:05" or "1:02:05". */
function clock(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const pad = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** "42.0 of 162.2 MiB  25 %  3.1 MiB/s  0:38 left" */
export function describeTransfer({ received, fetched, seconds, total }: Transfer): string {
  const rate = seconds > 0 ? fetched / seconds : 0;
  const left = rate > 0 ? `${clock((total - received) / rate)} left` : 'time left unknown';
  const share = Math.floor((100 * received) / total);
  return `${megabytes(received)} of ${megabytes(total)} MiB  ${share} %  ${megabytes(rate)} MiB/s  ${left}`;
}

/**
 * Returns a watcher that writes the progress of a download to `out`: on a terminal one line, redrawn at most ten times
 * a second; elsewhere one line per tenth of the file.
 */
export function transferMeter(out: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>): (transfer: Transfer) => void {
  let drawnAt = -Infinity;
  let tenth = -1;
  return (transfer) => {
    const now = performance.now();
    const done = transfer.received === transfer.total;
    if (out.isTTY) {
      if (!done && now - drawnAt < 100) return;
      drawnAt = now;
      out.write(`\r\x1b[K${describeTransfer(transfer)}${done ? '\n' : ''}`);
      return;
    }
    const reached = Math.floor((10 * transfer.received) / transfer.total);
    if (reached === tenth) return;
    tenth = reached;
    out.write(`${describeTransfer(transfer)}\n`);
  };
}

function mirrorUrl(text: string): string {
  if (!/^https?:\/\/./.test(text)) {
    throw new UserError(`--mirror must be an http or https address of the archive; received ${text}.`);
  }
  return text.endsWith('/') ? text + archiveFile : text;
}

async function get(name: string, { to, mirror }: { to?: string; mirror?: string }): Promise<void> {
  if (name !== 'cifar10') throw new UserError(`The data set to download must be cifar10; received ${name}.`);
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
  const data = program
    .command('data')
    .summary('get and check data sets')
    .description('Get and check data sets.')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sparsebook data get cifar10\n  $ sparsebook data check\n  $ sparsebook data check my/images',
    );
  data
    .command('get')
    .summary('download CIFAR-10 (162 MiB)')
    .description('Download CIFAR-10 (162 MiB); a stopped download is resumed.')
    .argument('<name>', 'cifar10')
    .option('--to <folder>', "where to put it (default: the project's data/)")
    .option('--mirror <url>', 'another address of the same archive')
    .action(get);
  data
    .command('check')
    .summary('check a data set')
    .description('Read and check a whole data set, and print what it contains.')
    .argument('[data]', 'synthetic, cifar10, or a folder of images by class or of its binary files', 'cifar10')
    .action(check);
}
