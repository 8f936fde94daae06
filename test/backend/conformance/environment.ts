// Tells tfjs-core's tests which backend to run on; imported before the tests.
import { findBackend } from '@tensorflow/tfjs-core';
import { boot } from 'jasmine-core';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { registerSimd } from 'sparsebook/backend/simd/register.js';
import { registerWebgpu } from 'sparsebook/backend/webgpu/register.js';
import type { WebgpuBackend } from 'sparsebook/backend/webgpu/webgpuBackend.js';
import type { Variant } from 'sparsebook/backend/simd/wasm.js';

boot(true);
const [backendName, variant] = process.argv.slice(2);
if (backendName === 'simd') registerSimd({ threads: 2, variant: variant as Variant });
/** The webgpu backend once it is registered; undefined when another backend is tested. */
export let backend: WebgpuBackend | undefined;
export const ready = (async () => {
  if (backendName !== 'webgpu') return;
  await registerWebgpu(() => import('@tensorflow/tfjs-backend-webgpu') as never);
  backend = findBackend('webgpu') as WebgpuBackend;
})();
setTestEnvs([{ name: backendName, backendName, isDataSync: backendName !== 'webgpu' }]);
