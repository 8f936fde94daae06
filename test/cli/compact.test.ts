import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { loadSafetensors } from 'sparsebook/compact/export/safetensors.js';
import { loadTfjs } from 'sparsebook/compact/export/tfjs.js';
import { runOnnx } from '../compact/export/onnxRuntime.ts';
import { sparsebook, tiny, type Ended } from '../sparsebook.ts';

const folder = mkdtempSync(join(tmpdir(), 'sparsebook-compact-'));
after(() => rmSync(folder, { recursive: true }));
const run = (...words: string[]): Promise<Ended> => sparsebook(words, { SPARSEBOOK_DATA: folder }).ended;
const quick = ['backend=simd', 'threads=1', 'latency.runs=2', 'latency.warm_up=1', 'latency.batches=[1, 2]'];

test('the network of a checkpoint is made smaller, measured and saved in each format', async () => {
  // Gates that start closed, or nearly so.
  const trained = await run('train', 'l0-googlenet', ...tiny, 'droprate_init=0.85', 'lr_gates=0.1', 'lambda_l0=0.3');
  assert.equal(trained.code, 0, trained.stderr);
  const checkpoint = /\nsaved: (.*)\n/.exec(trained.stdout)![1];

  const images = tf.randomNormal([2, 32, 32, 3]);
  const logits = (model: tf.LayersModel): number[] => [...(model.predict(images) as tf.Tensor).dataSync()];
  const outputs: number[][] = [];
  const fold = 'fold_batch_norm=true';
  for (const [format, ...more] of [['tfjs'], ['safetensors'], ['onnx'], ['tfjs', fold], ['onnx', fold]]) {
    const output = join(folder, `small${more.length}.${format}`);
    const words = [`ckpt_path=${checkpoint}`, `output=${output}`, `format=${format}`, ...more, ...quick];
    const ended = await run('compact', ...words);
    assert.equal(ended.code, 0, ended.stderr);
    for (const part of [
      /^checkpoint: .*, l0-googlenet after 4 steps$/m,
      /^backend: simd/m,
      /^stem_conv: 6 of 6 channels stay \(6 used\)$/m,
      /^parameters +3,\d\d\d +[\d,]+ +[\d,]+ +\d\.\d\d x$/m,
      /^2 images, ms/m,
      /^Largest difference of logits, masked against compact, on 8 images: /m,
      new RegExp(`^saved: .*small\\d\\.${format} \\(${format}\\)$`, 'm'),
    ]) {
      assert.match(ended.stdout, part);
    }
    if (format === 'tfjs') outputs.push(logits(await loadTfjs(output)));
    else if (format === 'safetensors') outputs.push(logits(await loadSafetensors(output)));
    else outputs.push([...(await runOnnx(readFileSync(output), images)).values]);
  }
  assert.deepEqual(outputs[1], outputs[0]);
  for (const other of outputs.slice(2)) other.forEach((value, i) => assert.ok(Math.abs(value - outputs[0][i]) < 1e-5));
});

test("the file's extension selects the format, and a missing folder is created before anything is measured", async () => {
  const checkpoint = `ckpt_path=${join(folder, 'runs', readdirSync(join(folder, 'runs'))[0])}`;
  const output = join(folder, 'new', 'small.ONNX');
  const words = [checkpoint, `output=${output}`, 'latency.batches=[]', 'backend=simd'];
  const made = await run('compact', ...words);
  assert.match(made.stdout, /^saved: .*small\.ONNX \(onnx\)$/m, made.stderr);
  await runOnnx(readFileSync(output), tf.zeros([1, 32, 32, 3]));
  writeFileSync(output, 'three years of work');
  const refused = await run('compact', ...words);
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, /small\.ONNX is not written: only an ONNX file may be replaced/);
  assert.equal(readFileSync(output, 'utf8'), 'three years of work');
});

test('precision=int8 rounds within the ranges of training images, and prints the cost on the test images', async () => {
  const checkpoint = `ckpt_path=${join(folder, 'runs', readdirSync(join(folder, 'runs'))[0])}`;
  const output = join(folder, 'int8.safetensors');
  const words = [checkpoint, `output=${output}`, 'precision=int8', 'latency.batches=[]', 'backend=simd', 'threads=1'];
  const made = await run('compact', ...words);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^ +dense +masked +float +compact +smaller$/m);
  assert.match(made.stdout, /^Accuracy on \d+ images: [\d.]+ % masked, [\d.]+ % compact\.$/m);
  assert.equal((await loadSafetensors(output)).getLayer('stem_conv').getClassName(), 'QuantizedConv2d');
});

test('without an output nothing is saved; a missing checkpoint and a wrong format are errors', async () => {
  const none = await run('compact');
  assert.equal(none.code, 1);
  assert.match(none.stderr, /^error: ckpt_path must be the checkpoint to make smaller; received none/);
  const wrong = await run('compact', 'ckpt_path=x', 'format=pickle', `output=${join(folder, 'x')}`);
  assert.match(wrong.stderr, /^error: .*format must be one of tfjs, safetensors, onnx; received "?pickle/);
  const absent = await run('compact', `ckpt_path=${join(folder, 'absent')}`);
  assert.match(absent.stderr, /^error: .*absent/);
  assert.ok(!existsSync(join(folder, 'x')));
  const help = await run('compact', '--help');
  assert.match(help.stdout, /round_to.*\n?.*multiple of this/);
});
