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

/** The format that a file's ending says. */
const byEnding = (output: string | null): CompactSettings['format'] | undefined =>
  (['safetensors', 'onnx'] as const).find((format) => output?.toLowerCase().endsWith(`.${format}`));

/** Endings of files that other programs write, and no names for a folder. */
const foreign = /\.(h5|hdf5|keras|pb|pt|pth|tflite|npz|bin|json|zip)$/i;

export const compactSchema: Schema<CompactSettings> = {
  ckpt_path: { ...ckpt_path, help: 'the checkpoint whose network is made smaller' },
  backend,
  threads,
  latency,
  output: {
    default: null,
    rule: orNull(text('the path of a file, or of a folder for tfjs'), 'no file'),
    help: 'where the small network is saved; .onnx and .safetensors say as what',
    conflict({ output, format }) {
      const ending = format === 'tfjs' && output !== null ? foreign.exec(output)?.[0] : undefined;
      return (
        ending && `no ${ending} file is written, and format=tfjs is a folder; there are ${exportFormats.join(', ')}`
      );
    },
  },
  format: {
    default: ({ output }) => byEnding(output) ?? 'tfjs',
    rule: oneOf(...exportFormats),
    help: "as what: TensorFlow.js's folder with model.json, one safetensors file, or one ONNX file",
    conflict({ output, format }) {
      if (output === null) return 'nothing is saved without output';
      const other = byEnding(output);
      return other && other !== format ? `output=${output} is called a file of the format ${other}` : undefined;
    },
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
