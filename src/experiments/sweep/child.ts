// A child process that trains points one after another: code and images are loaded once.
import { useBackend } from '../../backend/useBackend.js';
import { UserError } from '../../errors.js';
import { experimentOf } from './estimate.js';
import type { FromChild, Task, ToChild } from './children.js';
import { runPoint, SharedImages } from './runPoint.js';
import { measureSpeed } from './speed.js';
import { Sweep } from './sweep.js';

const shared = new SharedImages();
const stop = new AbortController();
/** Seconds until this process could start its first task. */
let start = 0;

async function work({ type, sweep, point, threads }: Task): Promise<FromChild> {
  const settings = experimentOf(point);
  await useBackend({ backend: settings.backend, threads });
  if (type === 'speed') {
    const { images } = await shared.of(settings);
    return { type, speed: { ...(await measureSpeed(settings, images)), start } };
  }
  return { type, state: await runPoint(Sweep.at(sweep, [point]), point, { shared, signal: stop.signal }) };
}

function send(message: FromChild): void {
  if (!process.connected) process.exit(1);
  process.send!(message, (error: Error | null) => error && process.exit(1));
}

let busy = false;

process.on('message', (task: ToChild) => {
  if (task.type === 'stop') return stop.abort();
  busy = true;
  start ||= process.uptime();
  const failed = (error: Error): FromChild => {
    return { type: 'error', message: error instanceof UserError ? error.message : (error.stack ?? error.message) };
  };
  void work(task)
    .catch(failed)
    .then((answer) => {
      busy = false;
      send(answer);
    });
});
// The parent process is gone: save the active run and end.
process.on('disconnect', () => {
  stop.abort();
  if (!busy) process.exit(1);
});
// Ctrl-C reaches all processes of a terminal; the parent process decides what happens.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => stop.abort());
