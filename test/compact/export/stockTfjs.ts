// Saves networks, and reads their folders with @tensorflow/tfjs alone, without this package: in a new Node process, and
// in Chromium.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import type * as tf from '@tensorflow/tfjs';
import { saveTfjs } from 'sparsebook/compact/export/tfjs.js';
import { launchChromium } from '../../notebook/report/chromium.ts';
import type { Output } from './onnxRuntime.ts';
import { assertSame, outputsOf } from './outputs.ts';

/** The outputs of a saved network, and which of our classes a reader must know. */
export interface Saved {
  outputs: Output[];
  classes: string[];
}

/** Saves a network in a folder with the inputs on which the reader runs it. */
export async function saveWithInputs(model: tf.LayersModel, path: string, inputs: tf.Tensor[]): Promise<Saved> {
  const classes = await saveTfjs(model, path);
  const saved = inputs.map((input) => ({ shape: input.shape, values: [...input.dataSync()] }));
  await writeFile(join(path, 'inputs.json'), JSON.stringify(saved));
  return { outputs: outputsOf(model, inputs), classes };
}

/** Asserts that networks give the outputs they had, or that the error names the class that the reader does not know. */
export function assertRead(read: Record<string, Read>, saved: ReadonlyMap<string, Saved>): void {
  for (const [name, { outputs, classes }] of saved) {
    const got = read[name];
    if (classes.length > 0)
      assert.match((got as { error: string }).error, new RegExp(`Unknown layer: (${classes.join('|')})`));
    else assertSame('error' in got ? assert.fail(`${name}: ${got.error}`) : got.outputs, outputs, name);
  }
}

/** The result of reading one folder: all outputs, or the message of the error. */
export type Read = { outputs: Output[] } | { error: string };

/** The program that both run: loads each network by its address and runs it on the inputs saved beside it. */
const program = `async (tf, base, names) => {
  await tf.setBackend('cpu');
  const read = async (name) => {
    try {
      const model = await tf.loadLayersModel(base + name + '/model.json');
      const inputs = await (await fetch(base + name + '/inputs.json')).json();
      const outputs = [model.predict(inputs.map(({ shape, values }) => tf.tensor(values, shape)))].flat();
      return { outputs: outputs.map((y) => ({ shape: y.shape, values: [...y.dataSync()] })) };
    } catch (error) {
      return { error: error.message };
    }
  };
  const all = {};
  for (const name of names) all[name] = await read(name);
  return JSON.stringify(all);
}`;

const tfjs = join(
  dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs/package.json')),
  'dist',
  'tf.min.js',
);

/** Serves a folder, tfjs as /tf.min.js and an empty page as /. */
async function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(request.url!);
    if (path === '/') return void response.setHeader('content-type', 'text/html').end('<!doctype html>');
    readFile(path === '/tf.min.js' ? tfjs : join(folder, path)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const decoded = (json: string): Record<string, Read> => {
  const all = JSON.parse(json) as Record<string, { outputs?: { shape: number[]; values: number[] }[]; error: string }>;
  return Object.fromEntries(
    Object.entries(all).map(([name, { outputs, error }]): [string, Read] => [
      name,
      outputs ? { outputs: outputs.map((y) => ({ ...y, values: Float32Array.from(y.values) })) } : { error },
    ]),
  );
};

async function served(folder: string, run: (base: string) => Promise<string>): Promise<Record<string, Read>> {
  const server = await serve(folder);
  try {
    return decoded(await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Reads networks of a folder in a new Node process that imports only @tensorflow/tfjs. */
export function readInNode(folder: string, names: string[]): Promise<Record<string, Read>> {
  return served(folder, async (base) => {
    const code = `import * as tf from '@tensorflow/tfjs';
      process.stdout.write(await (${program})(tf, ...${JSON.stringify([base, names])}));`;
    const options = { maxBuffer: 2 ** 26 };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], options);
    return stdout;
  });
}

/** Reads networks of a folder in a page in Chromium with TensorFlow.js's own bundle. */
export function readInChromium(folder: string, names: string[]): Promise<Record<string, Read>> {
  return served(folder, async (base) => {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(base);
      await page.addScriptTag({ url: '/tf.min.js' });
      return await page.evaluate<string>(`(${program})(tf, ...${JSON.stringify([base, names])})`);
    } finally {
      await browser.close();
    }
  });
}
