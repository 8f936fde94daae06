// What kernel.json starts: node --max-semi-space-size=16 --no-force-async-hooks-checks launch.js CONNECTION_FILE. It is
// the project's own tslab, repaired. Newer Nodes let the young generation grow further, and the starting compiler fills
// it: touching that memory takes a tenth of its start time. With its checks on, Node ends the process when a loop in a
// timer is terminated (patch/watchThread.ts).
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { keepCompiledCode, writeCompiledCode } from '../../platform/compileCache.js';
import { installInterruptHook } from './interrupt.js';
import { repairCompiler } from './patch/compiler.js';
import { repairExecution } from './patch/execution.js';
import { ExecutionHistory, repairMessages } from './patch/messages.js';
import { repairTransport } from './patch/transport.js';
import { loadTslab } from './patch/tslab.js';
import { startWatch } from './patch/watchThread.js';

/**
 * Node would write compiled code when the process ends, but most kernels are killed: it is written after this time
 * instead.
 */
const SETTLED_MILLISECONDS = 5000;

/**
 * Replaces standard input by one that ends at once: Jupyter leaves an open pipe there, on which a program that a cell
 * starts would wait. Call this before starting threads, because a thread could take the descriptor's number.
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
// Keeps the compiled code of the compiler's 9 MB and of the cells' libraries: starting takes a tenth less time.
keepCompiledCode();
setTimeout(writeCompiledCode, SETTLED_MILLISECONDS).unref();
// Before any cell runs: Node sets signal listeners aside during a cell's synchronous part, and if the cell adds a
// listener in that time, the next SIGINT ends the process.
process.on('SIGINT', installInterruptHook());
repairCompiler();
const tslab = loadTslab();
repairTransport(tslab);
const history = new ExecutionHistory();
const { startKernel, executor } = repairExecution(tslab, history);
repairMessages(tslab, history, executor);
startWatch(process.argv[2]);
startKernel({ configPath: process.argv[2], enableFindLocal: false, jsKernel: false });
