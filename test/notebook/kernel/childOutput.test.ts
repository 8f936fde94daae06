import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

/** Ways to start a program, and the output that then appears in the cell. */
const cases: [start: string, heard: string[]][] = [
  ["spawn(node, says, { stdio: 'inherit' })", ['stderr complained', 'stdout said']],
  ["spawn(node, says, { stdio: ['ignore', 1, 'ignore'] })", ['stdout said']],
  ["spawn(node, says, { stdio: ['ignore', 'ignore', process.stderr] })", ['stderr complained']],
  ["fork('-', [], { execArgv: says })", ['stderr complained', 'stdout said']],
  ["spawnSync(node, says, { stdio: 'inherit' })", ['stderr complained', 'stdout said']],
  ["assert.equal(execFileSync(node, says, { stdio: ['ignore', 'inherit', 'ignore'] }), null)", ['stdout said']],
  ["execSync(`'${node}' -e \"console.log('said')\"`, { stdio: 'inherit' })", ['stdout said']],
  ["assert.equal(String(execFileSync(node, says, { stdio: ['ignore', 'pipe', 'ignore'] })), 'said\\n')", []],
  ["assert.equal(String(spawnSync(node, says).stdout), 'said\\n')", []],
];

const program = `
import assert from 'node:assert/strict';
import { execFileSync, execSync, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { captureChildren } from 'sparsebook/notebook/kernel/patch/cellOutput.js';
const node = process.execPath;
const says = ['-e', "console.log('said'); console.error('complained');"];
const print = process.stdout.write.bind(process.stdout);
let texts = [];
for (const name of ['stdout', 'stderr']) process[name].write = (text) => texts.push(name + ' ' + String(text).trim());
captureChildren();
const results = [];
for (const start of [${cases.map(([start]) => `() => ${start}`).join()}]) {
  texts = [];
  const child = start();
  if (child?.on) await once(child, 'close');
  results.push(texts.sort());
}
print(JSON.stringify(results));
`;

test('output of programs that inherit the output of a cell is printed into the cell', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  const right = cases.map(([, heard]) => heard);
  assert.deepEqual(stdout === '' ? stderr : JSON.parse(stdout), right);
});
