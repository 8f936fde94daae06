// Compiles the AssemblyScript kernels into dist, once with relaxed SIMD (fused multiply-add) and once without; skips
// builds that are up to date.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../..');
const sources = join(root, 'src/backend/simd/kernels');
const asc = join(dirname(createRequire(import.meta.url).resolve('assemblyscript/package.json')), 'bin/asc.js');
const changed = Math.max(
  statSync(fileURLToPath(import.meta.url)).mtimeMs,
  ...readdirSync(sources).map((name) => statSync(join(sources, name)).mtimeMs),
);

for (const [variant, features] of [
  ['fma', 'simd,threads,relaxed-simd'],
  ['plain', 'simd,threads'],
]) {
  const output = join(here, `kernels.${variant}.wasm`);
  if (existsSync(output) && statSync(output).mtimeMs > changed) continue;
  const memory = ['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'];
  const speed = ['-O3', '--noAssert', '--runtime', 'stub'];
  execFileSync(
    process.execPath,
    [asc, join(sources, 'index.ts'), ...speed, '--enable', features, ...memory, '-o', output],
    { stdio: 'inherit', cwd: root },
  );
}
