import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { KernelClient, type ExecuteOutcome } from 'sparsebook/notebook/kernel/client/kernelClient.js';
import type { Message } from 'sparsebook/notebook/kernel/wire.js';
import { findKernelSpec } from 'sparsebook/notebook/jupyter/kernelSpec.js';

/** The outcome and the messages of a cell. */
export interface Heard {
  outcome: ExecuteOutcome;
  messages: Message[];
  /** The contents of the messages of one type. */
  of: (type: string) => Record<string, unknown>[];
  stdout: () => string;
  /** The text of the cell's last value. */
  result: () => string | undefined;
  /** The lines of the cell's first error. */
  traceback: () => string;
}

/** Cells that run one after another, each with the output or the last value that it must give. */
export type Said = [code: string, said: string][];

export async function checkSaid(execute: (code: string) => Promise<Heard>, cells: Said): Promise<void> {
  for (const [code, said] of cells) {
    const { stdout, result, traceback } = await execute(code);
    assert.equal(traceback(), '', code);
    assert.equal(stdout() + (result() ?? ''), said, code);
  }
}

/** Collects the messages of a cell as they come in. */
export function hearing(): { hear: (message: Message) => void; heard: Omit<Heard, 'outcome'> } {
  const messages: Message[] = [];
  const of = (type: string): Record<string, unknown>[] =>
    messages.filter((message) => message.header.msg_type === type).map((message) => message.content);
  const heard = {
    messages,
    of,
    stdout: () =>
      of('stream')
        .filter(({ name }) => name === 'stdout')
        .map(({ text }) => text)
        .join(''),
    result: () => (of('execute_result')[0]?.data as Record<string, string> | undefined)?.['text/plain'],
    traceback: () => ((of('error')[0]?.traceback as string[] | undefined) ?? []).join('\n'),
  };
  return { hear: (message) => messages.push(message), heard };
}

/** One kernel for all tests of a file, in the given folder, and a function that runs a cell on it. */
export function sharedKernel(cwd = process.cwd()): {
  kernel: () => KernelClient;
  execute: (code: string) => Promise<Heard>;
} {
  let kernel: KernelClient;
  before(async () => {
    kernel = await KernelClient.start({ spec: findKernelSpec('tslab'), cwd });
  });
  after(() => kernel.kill());
  const execute = async (code: string): Promise<Heard> => {
    const { hear, heard } = hearing();
    return { outcome: await kernel.execute(code, hear), ...heard };
  };
  return { kernel: () => kernel, execute };
}
