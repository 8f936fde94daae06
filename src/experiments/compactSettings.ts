import { flag, oneOf, orNull, text, wholeNumber } from './settings/rules.js';
import type { Schema } from './settings/schema.js';
import { testSchema, type TestSettings } from './testSettings.js';

/** The kinds of files that a small network can be written to. */
export const exportFormats = ['tfjs', 'safetensors', 'onnx'] as const;

/** What `sparsebook compact` can be told. */
export interface CompactSettings extends Omit<TestSettings, 'data'> {
  output: string | null;
  format: (typeof exportFormats)[number];
  round_to: number;
  fold_batch_norm: boolean;
}

const { ckpt_path, backend, threads, latency } = testSchema;

export const compactSchema: Schema<CompactSettings, never> = {
  ckpt_path: { ...ckpt_path, help: 'the checkpoint whose network is made smaller' },
  backend,
  threads,
  latency,
  output: {
    default: null,
    rule: orNull(text('the path of a file, or of a folder for tfjs'), 'no file'),
    help: 'where the small network is saved',
  },
  format: {
    default: 'tfjs',
    rule: oneOf(...exportFormats),
    help: "as what: TensorFlow.js's folder with model.json, one safetensors file, or one ONNX file",
  },
  round_to: {
    default: 1,
    rule: wholeNumber({ min: 1 }),
    help: 'widths are rounded up to a multiple of this; 4 suits CPUs',
  },
  fold_batch_norm: {
    default: false,
    rule: flag,
    help: 'whether batch norms become part of the layers in front of them, for a network that is only to be run',
  },
};
