import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareOutput } from 'sparsebook/experiments/compactOutput.js';
import { compactSchema, type CompactSettings } from 'sparsebook/experiments/compactSettings.js';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import { settle } from 'sparsebook/experiments/settings/settle.js';
import { temporaryFolder } from '../training/checkpoint/sample.ts';

const settings = (...words: string[]): CompactSettings => settle<CompactSettings>(compactSchema, givenInWords(words));

test('the ending of the output says its format, and what contradicts it is refused', () => {
  const formats: [string, CompactSettings['format']][] = [
    ['small.onnx', 'onnx'],
    ['out/Small.ONNX', 'onnx'],
    ['small.safetensors', 'safetensors'],
    ['small', 'tfjs'],
    ['v1.2', 'tfjs'],
    ['onnx', 'tfjs'],
  ];
  for (const [output, format] of formats) assert.equal(settings(`output=${output}`).format, format, output);
  assert.equal(settings('output=small', 'format=onnx').format, 'onnx');
  const refused: [string[], RegExp][] = [
    [
      ['output=small.onnx', 'format=tfjs'],
      /^format=tfjs contradicts .*output=small\.onnx is called a file of the format onnx/,
    ],
    [['output=small.onnx', 'format=safetensors'], /is called a file of the format onnx/],
    [
      ['output=small.h5'],
      /^output=small\.h5 contradicts .*no \.h5 file is written.* there are tfjs, safetensors, onnx/,
    ],
    [['output=small.pth'], /no \.pth file is written/],
    [['format=onnx'], /^format=onnx contradicts .*nothing is saved without output/],
  ];
  for (const [words, message] of refused) assert.throws(() => settings(...words), { name: 'UserError', message });
});

test('a missing folder is made, an earlier output may be replaced, and anything else is not', async (t) => {
  const dir = temporaryFolder(t);
  const at = (name: string): string => join(dir, name);
  for (const name of ['own', 'earlier', 'empty', 'a.onnx']) mkdirSync(at(name));
  for (const [name, content] of [
    ['own/chapter', 'three years'],
    ['chapter', 'three years'],
    ['chapter.safetensors', 'three years'],
    ['earlier/model.json', '{}'],
    ['earlier.onnx', '\x08\x0a'],
    ['earlier.safetensors', '\x02\0\0\0\0\0\0\0{}'],
  ]) {
    writeFileSync(at(name), content);
  }
  const free = ['new/folder/small.onnx', 'new/tfjs', 'empty', 'earlier', 'earlier.onnx', 'earlier.safetensors'];
  for (const name of free) await prepareOutput({ output: at(name), format: settings(`output=${name}`).format });
  assert.ok(existsSync(at('new/folder')));
  const before = readdirSync(dir, { recursive: true });
  const cases: [string, CompactSettings['format'], RegExp][] = [
    ['own', 'tfjs', /own is there already and is none of the format tfjs: it is not replaced/],
    ['chapter', 'tfjs', /chapter is there already/],
    ['chapter', 'onnx', /chapter is there already/],
    ['chapter.safetensors', 'safetensors', /chapter\.safetensors is there already/],
    ['a.onnx', 'onnx', /a\.onnx is there already/],
    ['chapter/small.onnx', 'onnx', /small\.onnx cannot be written: (ENOTDIR|EEXIST)/],
  ];
  for (const [name, format, message] of cases) {
    await assert.rejects(prepareOutput({ output: at(name), format }), { name: 'UserError', message }, name);
  }
  assert.deepEqual(readdirSync(dir, { recursive: true }), before);
});
