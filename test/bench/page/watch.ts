// Measures how fast a page responds, and describes the machine.
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { median } from '../turns.ts';

/** Milliseconds between two key presses. */
const INTERVAL = 50;

/** The wall-clock time of a key press, and the milliseconds until the page had handled it. */
export interface Key {
  at: number;
  took: number;
}

/** Presses a key again and again until `until` settles. */
export async function answers(page: Page, until: Promise<unknown>): Promise<Key[]> {
  let over = false;
  const stop = (): void => void (over = true);
  until.then(stop, stop);
  const keys: Key[] = [];
  while (!over) {
    const [at, began] = [Date.now(), performance.now()];
    await page.keyboard.press('Shift');
    keys.push({ at, took: performance.now() - began });
    await sleep(INTERVAL);
  }
  return keys;
}

/** Starts counting the CPU seconds of the page's main thread; the returned function reads the count. */
export async function mainThread(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const now = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };
  const before = await now();
  return async () => (await now()) - before;
}

export const range = (values: number[], digits = 2): string =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;

export const machine = (): string => `${cpus().length} x ${cpus()[0].model}, load ${loadavg()[0].toFixed(1)}`;
