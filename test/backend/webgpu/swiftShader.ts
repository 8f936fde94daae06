import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromiumPath } from '../../notebook/report/chromium.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The folder with Chromium's SwiftShader, a Vulkan implementation on the CPU, and the loader that finds it. */
const folder = ['/usr/lib/chromium', ...(chromiumPath ? [dirname(realpathSync(chromiumPath))] : [])].find((path) =>
  ['vk_swiftshader_icd.json', 'libvulkan.so.1'].every((file) => existsSync(join(path, file))),
);

const missing = ['webgpu', '@tensorflow/tfjs-backend-webgpu'].filter(
  (name) => !existsSync(join(root, 'node_modules', name)),
);

/** The reason why tests on webgpu are skipped, or false. */
export const skipWithoutSwiftShader =
  (folder === undefined && 'there is no SwiftShader: install a Chromium that brings one (apt-get install chromium)') ||
  (missing.length > 0 && `the optional packages ${missing.join(' and ')} are not installed`);

interface Options {
  env?: NodeJS.ProcessEnv;
  /** Whether quickDawn.ts is loaded first. Default true. */
  quick?: boolean;
}

/**
 * Runs Node with the given arguments in an environment where Dawn finds SwiftShader, which must be set before the
 * process starts; returns what Node printed.
 */
export async function nodeOnSwiftShader(args: string[], { env = {}, quick = true }: Options = {}): Promise<string> {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const found = { LD_LIBRARY_PATH: folder, VK_ICD_FILENAMES: join(folder!, 'vk_swiftshader_icd.json') };
  const options = { cwd: root, env: { ...inherited, ...found, ...env }, maxBuffer: 2 ** 26 };
  const loaded = ['./test/typescript.mjs', ...(quick ? ['./test/backend/webgpu/quickDawn.ts'] : [])];
  const imports = loaded.flatMap((file) => ['--import', file]);
  const { stdout } = await promisify(execFile)(process.execPath, [...imports, ...args], options).catch(
    (error: Error & { stdout: string; stderr: string }) => {
      throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
    },
  );
  return stdout;
}

/** Runs test files there. */
export const testOnSwiftShader = (files: string[], options?: Options): Promise<string> =>
  nodeOnSwiftShader(['--test', '--test-concurrency=1', '--test-reporter=tap', ...files], options);
