import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeTransfer, transferMeter } from 'sparsebook/cli/data.js';

const mebibyte = 2 ** 20;

test('progress shows amount, rate and time left; the rate leaves out bytes of earlier downloads', () => {
  const transfer = { received: 60 * mebibyte, fetched: 20 * mebibyte, seconds: 10, total: 200 * mebibyte };
  assert.equal(describeTransfer(transfer), '60.0 of 200.0 MiB  30 %  2.0 MiB/s  1:10 left');
  assert.match(describeTransfer({ ...transfer, fetched: 100_000 }), /4:04:40 left/);
  assert.match(describeTransfer({ ...transfer, fetched: 0 }), /time left unknown/);
});

function drawn(isTTY: boolean): string[] {
  const written: string[] = [];
  const write = (text: string | Uint8Array): boolean => written.push(String(text)) > 0;
  const watch = transferMeter({ isTTY, write });
  for (let received = 1; received <= 500; received++) watch({ received, fetched: received, seconds: 1, total: 500 });
  return written;
}

test('a log gets a line for each tenth, a terminal one line that ends with the file', () => {
  assert.equal(drawn(false).length, 11);
  const terminal = drawn(true);
  assert.ok(terminal.length < 50 && terminal.every((text) => text.startsWith('\r')));
  assert.match(terminal[terminal.length - 1], /100 %.*\n$/);
});
