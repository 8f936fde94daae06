import type { Transfer } from './fetchRest.js';

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
 * Returns a watcher that writes the progress of a download to `out`: on a terminal one line, redrawn ten times a
 * second at most, elsewhere a line for every tenth of the file.
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
