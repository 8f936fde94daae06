import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

/** A script of peers/ in a process of its own, which replies to each job with a line and waits idle in between. */
export interface Peer {
  /** The line it printed once it was ready. */
  ready: string;
  /** Its reply to a job; undefined when it has ended. */
  ask(job: string): Promise<string | undefined>;
  close(): void;
}

const malloc = { MALLOC_MMAP_THRESHOLD_: '8589934592', MALLOC_TRIM_THRESHOLD_: '17179869184' };

/**
 * Starts a script of peers/ with Python (or the program that PYTHON names); undefined if a dependency of the script is
 * not installed. `tunedMalloc` keeps malloc from returning large buffers to the system.
 */
export async function startPeer(
  script: string,
  words: readonly string[],
  { tunedMalloc = false }: { tunedMalloc?: boolean } = {},
): Promise<Peer | undefined> {
  const env = { ...process.env, ...(tunedMalloc ? malloc : {}) };
  const python = process.env.PYTHON ?? '/usr/bin/python3';
  const path = join(import.meta.dirname, 'peers', script);
  // Its error messages go straight to the terminal.
  const child = spawn(python, [path, ...words], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = answersOf(createInterface(child.stdout));
  child.on('error', () => undefined);
  const ready = await answers();
  if (ready === undefined) return undefined;
  return {
    ready,
    ask(job) {
      child.stdin.write(`${job}\n`);
      return answers();
    },
    close: () => void child.kill(),
  };
}

/** Reads line by line on demand; undefined when the other side has ended. */
function answersOf(lines: Interface): () => Promise<string | undefined> {
  const iterator = lines[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = (await iterator.next()) as IteratorResult<string, undefined>;
    return done ? undefined : value;
  };
}
