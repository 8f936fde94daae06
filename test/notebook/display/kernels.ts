import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  projectJupyterPath,
  findKernelSpec,
  packageRoot,
  type KernelSpec,
} from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { KernelClient, type ExecuteOutcome } from 'sparsebook/notebook/kernel/client/kernelClient.js';
import type { MessageContent } from 'sparsebook/notebook/kernel/wire.js';

/** A message that a cell sent. */
export interface Sent {
  type: string;
  content: MessageContent;
}

const spec = (name: string, argv: string[], env?: Record<string, string>): KernelSpec => ({
  name,
  file: join(packageRoot, 'kernel.json'),
  argv: ['node', ...argv],
  display_name: name,
  language: 'typescript',
  interrupt_mode: 'signal',
  env,
});

/** This project's kernel: tslab, repaired. */
export const ownKernel = (): KernelSpec => findKernelSpec('tslab', [projectJupyterPath]);

/** The unpatched tslab. */
export const stockKernel = (): KernelSpec =>
  spec('stock', [join(packageRoot, 'node_modules/tslab/bin/tslab'), 'kernel', '--config-path={connection_file}']);

/** A copy of tslab like a global installation, which never loads the project's. */
export function foreignKernel(): { spec: KernelSpec; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'foreign-'));
  cpSync(join(packageRoot, 'node_modules/tslab'), join(folder, 'tslab'), { recursive: true });
  const launch = join(folder, 'launch.cjs');
  writeFileSync(
    launch,
    `require('./tslab/dist/main.js').startKernel({ configPath: process.argv[2], enableFindLocal: false });\n`,
  );
  return {
    spec: spec('foreign', [launch, '{connection_file}'], { NODE_PATH: join(packageRoot, 'node_modules') }),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** Runs cells one after another on a fresh kernel; returns the outcome and the messages of each. */
export async function runCells(
  spec: KernelSpec,
  cells: readonly string[],
): Promise<{ outcome: ExecuteOutcome; sent: Sent[]; text: string; milliseconds: number }[]> {
  const kernel = await KernelClient.start({ spec, cwd: packageRoot });
  try {
    const results = [];
    for (const code of cells) {
      const sent: Sent[] = [];
      const began = performance.now();
      const outcome = await kernel.execute(code, (m) => sent.push({ type: m.header.msg_type, content: m.content }));
      const streams = sent.filter(({ type }) => type === 'stream');
      const text = streams.map(({ content }) => content.text as string).join('');
      results.push({ outcome, sent, text, milliseconds: performance.now() - began });
    }
    return results;
  } finally {
    await kernel.shutdown();
  }
}
