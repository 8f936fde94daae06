import { Worker, isMainThread } from 'node:worker_threads';

/**
 * Ends the kernel when the program that started it is gone, so that none is left behind.
 *
 * A thread watches, because a cell in an endless loop leaves the main thread no time to. Jupyter sets JPY_PARENT_PID
 * for the kernels that belong to it; a kernel started without it may outlive its parent.
 */
export function watchParent(): void {
  if (process.env.JPY_PARENT_PID) new Worker(new URL(import.meta.url), { name: 'parent watch' }).unref();
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

if (!isMainThread) {
  const parent = process.ppid;
  const named = Number(process.env.JPY_PARENT_PID);
  // An orphan gets a new parent at once, except on Windows; one that was orphaned before this line is told by the name.
  const orphaned = (): boolean => process.ppid !== parent || !isRunning(named);
  setInterval(() => {
    if (orphaned()) process.kill(process.pid, 'SIGKILL');
  }, 500);
}
