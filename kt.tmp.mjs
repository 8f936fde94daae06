import { KernelClient } from './dist/notebook/kernel/index.js';
import { findKernelSpec } from './dist/notebook/jupyter/index.js';
import { readFileSync } from 'node:fs';
const variants = JSON.parse(process.argv[2]); const rounds = +process.argv[3];
const T = {}, C = {};
for (let i = 0; i < rounds; i++) for (const [w, flags] of Object.entries(variants)) {
  const own = findKernelSpec('tslab');
  const spec = { ...own, argv: [own.argv[0], ...flags, ...own.argv.slice(1)] };
  await new Promise((r) => setTimeout(r, 200));
  const t0 = performance.now();
  try {
  const k = await KernelClient.start({ spec, cwd: 'notebooks' });
  const o = await k.execute('const a: number = 1; console.log(a)');
  (T[w] ??= []).push(performance.now() - t0);
  const f = readFileSync(`/proc/${k.pid}/stat`, 'utf8').split(' '); (C[w] ??= []).push((+f[13] + +f[14]) / 100);
  if (o.status !== 'ok') console.log(o);
  await k.kill();
  } catch (e) { if (i === 0) console.log(w, e.message.slice(0, 200)); }
}
for (const w in T) console.log(w.padEnd(30), 'wall', T[w].sort((a, b) => a - b)[rounds >> 1].toFixed(0), T[w][0].toFixed(0), 'cpu', C[w].sort((a, b) => a - b)[rounds >> 1]);
