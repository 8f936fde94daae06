import { readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { inspect } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { isAlive } from '#platform';
import type { Connection } from '../client/connection.js';
import { type ClientState, clientStateReader } from '../clientState.js';

const LOOK_MILLISECONDS = 100;
/** How long the main thread may take to notice an interrupt before its loop is terminated. */
const PATIENCE_MILLISECONDS = 800;

/** What the main thread tells the watch thread: how many interrupts it has noticed, and whether it compiles. */
const told = new Int32Array(new SharedArrayBuffer(8));
const HEARD = 0;
const COMPILES = 1;

interface Watched {
  told: Int32Array;
  parent: number | undefined;
  client: string | undefined;
}

/**
 * Starts a watch thread, because a cell in an endless loop leaves the main thread no time to watch. The thread ends the
 * kernel when the program that started it (JPY_PARENT_PID) is gone. It also terminates a loop that keeps the main
 * thread from noticing an interrupt by this project's client; the kernel and its variables live on.
 */
export function startWatch(connectionFile: string): void {
  const { client_state: client } = JSON.parse(readFileSync(connectionFile, 'utf8')) as Connection;
  const parent = Number(process.env.JPY_PARENT_PID) || undefined;
  if (parent === undefined && client === undefined) return;
  process.on('SIGINT', () => Atomics.add(told, HEARD, 1));
  const data: Watched = { told, parent, client };
  const worker = new Worker(new URL(import.meta.url), { name: 'watch', workerData: data });
  // Node loses a signal that arrives just when a cell's script starts or ends.
  worker.on('message', () => process.emit('SIGINT', 'SIGINT'));
  worker.on('error', endUnwatched).unref();
}

/**
 * Ends a kernel whose watch thread has failed, with the reason as its last output: nothing else would end it once its
 * parent is gone.
 */
function endUnwatched(error: unknown): void {
  try {
    writeSync(2, `The kernel ends: the thread that watches it has failed. ${inspect(error)}\n`);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}

/**
 * Runs a function that must not be terminated before its first await: a cell whose compilation is terminated would
 * never end.
 */
export function unbroken<Result>(act: () => Promise<Result>): Promise<Result> {
  Atomics.store(told, COMPILES, 1);
  const done = act();
  Atomics.store(told, COMPILES, 0);
  return done;
}

/** Returns a function that ends the kernel and removes the folder of its connection once its parent is gone. */
function endWithParent(named: number, client: string | undefined): () => void {
  const parent = process.ppid;
  return () => {
    // An orphan gets a new parent at once, except on Windows; a kernel that was orphaned before this line is recognised
    // by the parent that was named.
    if (process.ppid === parent && isAlive(named)) return;
    if (client !== undefined) rmSync(dirname(client), { recursive: true, force: true });
    process.kill(process.pid, 'SIGKILL');
  };
}

/**
 * Returns a function that terminates the main thread's code, and tells the thread so, once the thread has failed for a
 * while to notice that its cell should stop.
 */
function breakLoops(told: Int32Array, look: () => ClientState | undefined): () => void {
  let since: number | undefined;
  let heard = 0;
  return () => {
    const before = heard;
    heard = Atomics.load(told, HEARD);
    const deaf = heard === before && Atomics.load(told, COMPILES) === 0 && look()?.interrupting === true;
    since = deaf ? (since ?? performance.now()) : undefined;
    if (since === undefined || performance.now() - since < PATIENCE_MILLISECONDS) return;
    since = undefined;
    void terminate();
    parentPort?.postMessage('interrupt');
  };
}

async function terminate(): Promise<void> {
  const { Session } = await import('node:inspector');
  const session = new Session();
  session.connectToMainThread();
  session.post('Runtime.terminateExecution', () => session.disconnect());
}

if (!isMainThread) {
  // Handled here, not only by the main thread, which may be in a loop.
  process.on('uncaughtException', endUnwatched);
  const { told, parent, client } = workerData as Watched;
  const duties = [
    ...(parent === undefined ? [] : [endWithParent(parent, client)]),
    ...(client === undefined ? [] : [breakLoops(told, clientStateReader(client))]),
  ];
  setInterval(() => {
    for (const duty of duties) duty();
  }, LOOK_MILLISECONDS);
}
