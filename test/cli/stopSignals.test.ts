import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lostOutput } from 'sparsebook/cli/output.js';
import { stopSignals } from 'sparsebook/cli/stopSignals.js';

const raise = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): boolean => process.emit(signal, signal);

test('the first Ctrl-C requests a stop, the second one ends the process', () => {
  const stop = stopSignals();
  try {
    raise('SIGINT');
    assert.deepEqual([stop.interrupt.aborted, stop.kill.aborted, stop.again.aborted], [true, false, false]);
    raise('SIGINT');
    assert.deepEqual([stop.kill.aborted, stop.again.aborted], [true, true]);
    assert.equal(stop.exitCode(), 130);
  } finally {
    stop.release();
  }
});

test('a signal to terminate does the same as Ctrl-C, and any second signal counts as one', () => {
  for (const second of ['SIGTERM', 'SIGINT'] as const) {
    const stop = stopSignals();
    try {
      raise('SIGTERM');
      assert.deepEqual([stop.interrupt.aborted, stop.kill.aborted, stop.again.aborted], [true, true, false]);
      raise(second);
      assert.ok(stop.again.aborted, second);
      assert.equal(stop.exitCode(), { SIGTERM: 143, SIGINT: 130 }[second]);
    } finally {
      stop.release();
    }
  }
});

test('a terminal that closes requests a stop once, however many signals it and its shell send', () => {
  const closing = { SIGHUP: () => raise('SIGHUP'), lost: () => lostOutput.emit('lost') };
  for (const [first, code] of [
    ['SIGHUP', 129],
    ['lost', 141],
  ] as const) {
    const stop = stopSignals();
    try {
      closing[first]();
      assert.deepEqual([stop.interrupt.aborted, stop.kill.aborted], [true, true], first);
      for (const say of Object.values(closing)) say();
      assert.equal(stop.again.aborted, false, first);
      assert.equal(stop.exitCode(), code);
      raise('SIGTERM');
      assert.ok(stop.again.aborted, 'a signal that somebody sends does count');
    } finally {
      stop.release();
    }
  }
});

test('released signals have their usual effect again', () => {
  const before = process.listenerCount('SIGINT');
  const stop = stopSignals();
  assert.equal(process.listenerCount('SIGINT'), before + 1);
  stop.release();
  assert.equal(process.listenerCount('SIGINT'), before);
  assert.equal(lostOutput.emit('lost'), false, 'nobody listens');
});
