import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stopSignals } from 'sparsebook/terminal';

const raise = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): boolean => process.emit(signal, signal);

test('the first Ctrl-C asks to stop, the second one ends', () => {
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

test('a signal that asks the process to end does both, and any second signal is known as one', () => {
  for (const second of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const stop = stopSignals();
    try {
      raise('SIGTERM');
      assert.deepEqual([stop.interrupt.aborted, stop.kill.aborted, stop.again.aborted], [true, true, false]);
      raise(second);
      assert.ok(stop.again.aborted, second);
      assert.equal(stop.exitCode(), { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 }[second]);
    } finally {
      stop.release();
    }
  }
});

test('released signals have their usual meaning again', () => {
  const before = process.listenerCount('SIGINT');
  const stop = stopSignals();
  assert.equal(process.listenerCount('SIGINT'), before + 1);
  stop.release();
  assert.equal(process.listenerCount('SIGINT'), before);
});
