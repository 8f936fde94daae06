// What kernel.json starts: node --max-semi-space-size=16 --no-force-async-hooks-checks launch.js CONNECTION_FILE. The
// project's own tslab, repaired. Newer Nodes let the young generation grow further, and a compiler that starts fills
// it: touching that memory is a tenth of the time it takes. With its checks on, Node ends the process when a loop in a
// timer is broken off (patch/watchThread.ts).
import { closeSync, openSync } from 'node:fs';
import module from 'node:module';
import { devNull } from 'node:os';
import { fileURLToPath } from 'node:url';
import { installInterruptHook } from './interrupt.js';
import { repairCompiler } from './patch/compiler.js';
import { repairExecution } from './patch/execution.js';
import { ExecutionHistory, repairMessages } from './patch/messages.js';
import { repairTransport } from './patch/transport.js';
import { loadTslab } from './patch/tslab.js';
import { startWatch } from './patch/watchThread.js';

/** What Node 22 can do and the declarations of Node 20 do not know. */
type CachingModule = typeof module & { enableCompileCache?(folder: string): unknown; flushCompileCache?(): void };

const SETTLED_MILLISECONDS = 5000;

/**
 * Has Node keep what it compiles from the compiler's 9 MB and the cells' libraries: a start takes a tenth less. It lies
 * beside the built library, which is writable to the same users; where it cannot be written, nothing is kept.
 */
function cacheCompiledCode(): void {
  const node = module as CachingModule;
  node.enableCompileCache?.(fileURLToPath(new URL('../../compile-cache', import.meta.url)));
  // Node would write at the end of the process, and a kernel is killed more often than it ends.
  setTimeout(() => node.flushCompileCache?.(), SETTLED_MILLISECONDS).unref();
}

/**
 * Puts an input that ends in place of the process's own: Jupyter leaves a pipe there in which nothing ever comes, and a
 * program that a cell starts would wait for it. Before there are threads, of which one could take the descriptor's
 * number.
 */
function endInput(): void {
  try {
    closeSync(0);
    openSync(devNull, 'r');
  } catch {
    // It was closed already.
  }
}

endInput();
cacheCompiledCode();
// Before any cell: Node puts signal listeners aside while a cell's synchronous part runs, and one that a cell adds in
// that time makes the next SIGINT end the process.
process.on('SIGINT', installInterruptHook());
repairCompiler();
const tslab = loadTslab();
repairTransport(tslab);
const history = new ExecutionHistory();
const { startKernel, executor } = repairExecution(tslab, history);
repairMessages(tslab, history, executor);
startWatch(process.argv[2]);
startKernel({ configPath: process.argv[2], enableFindLocal: false, jsKernel: false });
