// npm run dev: builds, rebuilds whatever changes under src/, and opens the notebooks, whose kernels then restart by
// themselves.
import { spawn, spawnSync } from 'node:child_process';
import { watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const node = (args, options = {}) => spawn(process.execPath, args, { cwd: root, stdio: 'inherit', ...options });
const ended = (child) => new Promise((resolve) => child.on('close', resolve));
const say = (line) => process.stderr.write(`${line}\n`);

/** Whether tsc does not compile a file: the AssemblyScript kernels, and the scripts and styles of pages. */
const isOutsideTsc = (path) => /backend[\\/]simd[\\/]kernels[\\/]|notebook[\\/]\w+[\\/]browser[\\/]|\.css$/.test(path);

process.on('SIGINT', () => {}); // the server handles Ctrl-C: it saves and exits, and this script exits with it

let building;
let again = false;
/** Runs the build scripts that follow tsc; each skips unchanged files, and the last one marks the build as done. */
async function finishBuild() {
  if (building) return void (again = true);
  building = (async () => {
    do {
      again = false;
      for (const script of ['backend/simd/build.js', 'platform/buildBrowser.js', 'notebook/live/buildAssets.js']) {
        if ((await ended(node([join('dist', script)]))) !== 0)
          return say(`dist/${script} failed; waiting for a change`);
      }
      say('built');
    } while (again);
  })();
  await building;
  building = undefined;
}

if (
  spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
    .status !== 0
) {
  process.exit(1);
}
const compiler = node(['node_modules/typescript/bin/tsc', '-p', '.', '--watch', '--preserveWatchOutput'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let compiled = 0;
compiler.stdout.setEncoding('utf8').on('data', (text) => {
  if (/error TS/.test(text)) process.stderr.write(text);
  // The first compilation only repeats the build above.
  if (/Found 0 errors/.test(text) && compiled++ > 0) void finishBuild();
});
let timer;
watch(join(root, 'src'), { recursive: true }, (_, path) => {
  if (path === null || !isOutsideTsc(path)) return;
  clearTimeout(timer);
  timer = setTimeout(finishBuild, 100);
});

const status = await ended(node(['dist/cli.js', 'open', '--watch', ...process.argv.slice(2)]));
compiler.kill();
process.exit(status ?? 1);
