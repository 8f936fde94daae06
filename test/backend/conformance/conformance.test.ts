import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { nodeOnSwiftShader, skipWithoutSwiftShader } from '../webgpu/swiftShader.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const bundle = `${root}dist/conformance/suite.cjs`;

before(async () => {
  await build({
    entryPoints: [`${root}test/backend/conformance/suite.ts`],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    // tfjs-core declares its tests free of side effects; without this esbuild would drop them.
    ignoreAnnotations: true,
    // If the optional package for webgpu is missing, no test uses it.
    external: ['jasmine-core', 'webgpu', ...(skipWithoutSwiftShader ? ['@tensorflow/tfjs-backend-webgpu'] : [])],
    // The bundle is in another folder than the worker and the kernels that it loads.
    define: {
      'import.meta.url': JSON.stringify(pathToFileURL(`${root}dist/platform/node.js`).href),
      'import.meta.dirname': JSON.stringify(`${root}dist/platform`),
    },
    logLevel: 'error',
  });
});

const onRequest = !process.env.SPARSEBOOK_CONFORMANCE && 'npm run test:conformance runs it';

/**
 * cpu is the control: it shows what passes upstream. Two specs ('Switching cpu backends') run only on a backend called
 * cpu.
 */
const runs = [
  { backend: ['cpu'], passed: 4227 },
  { backend: ['simd', 'wide'], passed: 4225 },
  { backend: ['simd', 'fma'], passed: 4225 },
  { backend: ['simd', 'plain'], passed: 4225 },
];
for (const { backend, passed } of runs) {
  // The variants differ only in their products: one of them always runs, the others and the control run on request.
  const skip = backend.join(' ') !== 'simd wide' && onRequest;
  test(`tfjs-core's own suite passes on ${backend.join(' ')}`, { skip }, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [bundle, ...backend], { maxBuffer: 2 ** 26 });
    const failures = stdout.split('\n').filter((line) => line.startsWith('FAILED'));
    assert.deepEqual(failures, []);
    // The 5 pending specs are switched off upstream.
    assert.match(stdout, new RegExp(`\\b${passed} passed, 0 failed, 5 pending`));
  });
}

/** Specs in which webgpu differs from the other backends, and why the difference is not an error. */
const otherwise = [
  'time cpu webgpu {} simple upload', // an upload that nobody waits for takes no time
  'cos webgpu {} gradients: Scalar', // WGSL's sine is exact to 2^-11
  'cos webgpu {} gradient with clones',
  'tan webgpu {} numbers exceed float32 precision',
  'tan webgpu {} gradients: Tensor2D',
  'fromPixels, mock canvas webgpu {} accepts a canvas-like element', // Node has no canvas to copy from
  'fromPixels, mock canvas webgpu {} accepts a canvas-like element, numChannels=4',
  'gather webgpu {} throws when index is out of bound', // a shader throws nothing
];

test(
  "tfjs-core's own suite passes on webgpu, except for operations that are refused by name",
  { skip: skipWithoutSwiftShader },
  async () => {
    const output = await nodeOnSwiftShader([bundle, 'webgpu']);
    const failures = output.split('\n').filter((line) => line.startsWith('FAILED'));
    const unexplained = failures.filter((line) => !line.includes("not registered for backend 'webgpu'"));
    assert.deepEqual(
      unexplained.map((line) => /^FAILED (.*?): (Error|Type|Arrays|Expected)/.exec(line)?.[1] ?? line).sort(),
      [...otherwise].sort(),
    );
    assert.match(output, /\b3949 passed, 217 failed, 4 pending/);
  },
);
