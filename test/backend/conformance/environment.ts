// Tells tfjs-core's tests which backend to run on; imported before them.
import { boot } from 'jasmine-core';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { registerSimd } from 'sparsebook/backend/simd/register.js';
import type { Variant } from 'sparsebook/backend/simd/wasm.js';

boot(true);
const [backendName, variant] = process.argv.slice(2);
if (backendName === 'simd') registerSimd({ threads: 2, variant: variant as Variant });
setTestEnvs([{ name: backendName, backendName, isDataSync: true }]);
