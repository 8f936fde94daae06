import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildSync, type BuildOptions } from 'esbuild';
import { packageFolder } from './node.js';

const dist = join(packageFolder, 'dist');
const common = {
  bundle: true,
  minify: true,
  platform: 'browser',
  target: 'es2022',
  legalComments: 'eof',
  logLevel: 'error',
} satisfies BuildOptions;

const WEBGPU = '@tensorflow/tfjs-backend-webgpu';
const withoutWebgpu = { [WEBGPU]: join(dist, 'backend/webgpu/absent.js') };

function hasWebgpu(): boolean {
  try {
    createRequire(import.meta.url).resolve(WEBGPU);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns esbuild's options for bundling the library for a browser: TensorFlow.js without WebGL, with the kernels and
 * the script of their threads. The build fails if the bundle reaches one of Node's modules.
 */
export function browserBundle(): BuildOptions {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  const [thread] = buildSync({
    ...common,
    entryPoints: [join(dist, 'backend/simd/webWorker.js')],
    format: 'iife',
    write: false,
  }).outputFiles;
  return {
    ...common,
    alias: { '@tensorflow/tfjs': join(dist, 'backend/tfjsInBrowser.js'), ...(hasWebgpu() ? {} : withoutWebgpu) },
    define: { SIMD_WORKER: JSON.stringify(thread.text), VERSION: JSON.stringify(version) },
    loader: { '.wasm': 'binary' },
  };
}
