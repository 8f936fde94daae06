// npm start: builds, quietly, if a source is newer than the last build, and opens the notebooks.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const time = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sources = readdirSync(join(root, 'src'), { recursive: true }).map((path) => join('src', path));

if (['package.json', 'tsconfig.json', ...sources].some((path) => time(path) > time('dist/built'))) {
  process.stderr.write('building (once, and again when a source has changed) ...\n');
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}the build failed\n`);
    process.exit(1);
  }
}
const { openNotebooks } = await import('../../dist/cli/open.js');
await openNotebooks(process.argv.slice(2));
