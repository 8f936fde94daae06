import assert from 'node:assert/strict';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { consoleTo } from 'sparsebook/notebook/page/pageConsole.js';

type Write = (stream: 'stdout' | 'stderr', text: string) => void;

/** The texts that a piece of code prints through a console; times are replaced because they vary. */
function printedBy(make: (write: Write) => Console, act: (console: Console) => void): string[] {
  const texts: string[] = [];
  act(make((stream, text) => texts.push(`${stream}: ${text.replace(/[\d.]+m?s\b/, 'TIME')}`)));
  return texts;
}

const inNode = (write: Write): Console => {
  const to = (name: 'stdout' | 'stderr'): Writable =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        write(name, chunk.toString());
        done();
      },
    });
  return new Console({ stdout: to('stdout'), stderr: to('stderr') });
};
const inPage = (write: Write): Console => consoleTo(write) as Console;

const cases: Record<string, (console: Console) => void> = {
  'texts, and their streams': (console) => {
    for (const method of ['log', 'info', 'debug', 'warn', 'error', 'dirxml'] as const)
      console[method]('%s is', 'it', 1);
    console.log();
  },
  'objects and tables': (console) => {
    console.dir({ a: [1, 'two'] });
    console.dir('text');
    console.table([{ a: 1 }]);
  },
  groups: (console) => {
    console.group('runs', 2);
    console.log('a\nb');
    console.groupCollapsed();
    console.warn('deeper');
    console.table([[1]]);
    console.groupEnd();
    console.groupEnd();
    console.groupEnd();
    console.log('outside');
  },
  'failed assertions': (console) => {
    console.assert(true, 'not said');
    console.assert(false);
    console.assert(0, 'loss is %d', 3);
  },
  counts: (console) => {
    console.count();
    console.count('steps');
    console.count();
    console.countReset();
    console.count();
  },
  times: (console) => {
    console.time();
    console.time('epoch');
    console.timeLog('epoch', 'half', { done: 1 });
    console.timeEnd();
    console.timeEnd('epoch');
  },
};

for (const [what, act] of Object.entries(cases)) {
  test(`the console of a page prints what Node's prints: ${what}`, () => {
    assert.deepEqual(printedBy(inPage, act), printedBy(inNode, act));
  });
}

test('a trace in a page has its headline, and a time that was never started is reported', () => {
  const texts = printedBy(inPage, (console) => {
    console.trace('here', 1);
    console.trace();
    console.timeEnd('never');
  });
  assert.deepEqual(texts, [
    'stderr: Trace: here 1\n',
    'stderr: Trace\n',
    "stderr: Warning: No such label 'never' for console.time()\n",
  ]);
});
