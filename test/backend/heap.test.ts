import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Heap } from 'sparsebook/backend/simd/heap.js';

test('blocks never overlap and freed memory becomes whole again', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 200_000 }), drop: fc.nat() }), { maxLength: 200 }),
      (steps) => {
        const heap = new Heap(1024);
        const blocks: { pointer: number; bytes: number }[] = [];
        for (const { bytes, drop } of steps) {
          if (drop % 3 === 0 && blocks.length > 0) heap.free(blocks.splice(drop % blocks.length, 1)[0].pointer);
          else blocks.push({ pointer: heap.allocate(bytes), bytes });
          const sorted = [...blocks].sort((a, b) => a.pointer - b.pointer);
          // Vector loads may read 64 bytes past the end of each block, so these bytes belong to the block.
          sorted.forEach((b, i) => assert.ok(i === 0 || sorted[i - 1].pointer + sorted[i - 1].bytes + 64 <= b.pointer));
          assert.ok(sorted.every((b) => b.pointer % 64 === 0));
        }
        blocks.forEach((b) => heap.free(b.pointer));
        assert.equal(heap.usage().live, 0);
        assert.ok(heap.allocate(60 * 2 ** 20) > 0);
      },
    ),
    { numRuns: 30 },
  );
});

test('an exhausted heap says how much is missing, and works again once something is freed', () => {
  const heap = new Heap(1024);
  const first = heap.allocate(50 * 2 ** 20);
  assert.throws(() => heap.allocate(50 * 2 ** 20), /out of memory.*0\.05 GiB.*smaller batch/s);
  heap.free(first);
  assert.ok(heap.allocate(50 * 2 ** 20) > 0);
});

test('a request for more bytes than any memory has is refused and allocates nothing', () => {
  const heap = new Heap(1024);
  for (const bytes of [2 ** 32, 2 ** 38, 2 ** 38 + 6400, 2 ** 50]) {
    assert.throws(() => heap.allocate(bytes), /out of memory/);
    assert.throws(() => heap.check(bytes), /out of memory/);
  }
  assert.equal(heap.usage().live, 0);
});

test('a block cannot be freed twice', () => {
  const heap = new Heap(1024);
  const pointer = heap.allocate(100);
  heap.free(pointer);
  assert.throws(() => heap.free(pointer), /freed twice/);
});
