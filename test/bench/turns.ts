// Shared by benchmarks whose contestants take turns.

/** Warm-up rounds, which do not count. */
export const WARM_UP = 3;
/** Between turns, threads of the previous contestant may still spin, which would slow down the next one. */
const PAUSE_MS = 40;

export function median(times: number[]): number {
  const ordered = [...times].sort((a, b) => a - b);
  const middle = Math.floor(ordered.length / 2);
  return ordered.length % 2 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
}

/** The process's CPU time so far in milliseconds, used instead of wall-clock time on machines with other load. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const shown = (perSecond: number): string => perSecond.toFixed(perSecond < 10 ? 1 : 0);

/** Images per second, given the milliseconds of each turn: the median, the slowest and the fastest. */
export function rate(images: number, times: number[]): string {
  const [fast, slow] = [Math.min(...times), Math.max(...times)].map((time) => shown((1000 * images) / time));
  return `${shown((1000 * images) / median(times))} (${slow}-${fast})`;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** Lets every contestant take one turn per round. Returns milliseconds by contestant. */
export async function interleave<Contestant>(
  contestants: Contestant[],
  turns: number,
  turn: (contestant: Contestant) => Promise<number>,
): Promise<number[][]> {
  for (let i = 0; i < WARM_UP; i++) for (const contestant of contestants) await turn(contestant);
  const times: number[][] = contestants.map(() => []);
  for (let round = 0; round < turns; round++) {
    for (const [i, contestant] of contestants.entries()) {
      await pause();
      times[i].push(await turn(contestant));
    }
  }
  return times;
}
