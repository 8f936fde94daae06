import { writeFileSync } from 'node:fs';
import { KernelClient } from './dist/notebook/kernel/kernelClient.js';
import { findKernelSpec } from './dist/notebook/jupyter/kernelSpec.js';
const spec = findKernelSpec('tslab');
if (process.argv[2] === 'prof') spec.argv.splice(1, 0, '--cpu-prof', '--cpu-prof-dir=/tmp/kp');
for (let i = 0; i < Number(process.argv[3] ?? 1); i++) {
const t = Date.now();
const k = await KernelClient.start({ spec, cwd: process.cwd(), startTimeout: 60 });
const a = Date.now() - t;
const run = async (code) => { const t = Date.now(); await k.execute(code); return Date.now() - t; };
const b = await run('const x: number = 1; x + 1'); const c = await run("import { useBackend } from 'sparsebook/backend'; typeof useBackend");
console.log({ start: a, first: b, second: c, next: await run('2') });
await k.shutdown();
}
process.exit();
