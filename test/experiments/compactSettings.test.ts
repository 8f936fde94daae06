import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactSchema, type CompactSettings } from 'sparsebook/experiments/compactSettings.js';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import { settle } from 'sparsebook/experiments/settings/settle.js';

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
