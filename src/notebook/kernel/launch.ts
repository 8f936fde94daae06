// What kernel.json starts: node --max-semi-space-size=16 --no-force-async-hooks-checks launch.js CONNECTION_FILE. The
// project's own tslab, repaired. Newer Nodes let the young generation grow further, and a compiler that starts fills
// it: touching that memory is a tenth of the time it takes. With its checks on, Node ends the process when a loop in a
// timer is broken off (patch/watchThread.ts).
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
 * Node would write compiled code when the process ends, but a kernel is mostly killed: it is written after this time.
 */
const SETTLED_MILLISECONDS = 5000;

/**
 * Replaces standard input by one that ends at once: Jupyter leaves an open pipe there, for which a program that a cell
 * starts would wait. Call this before threads are started, one of which could take the descriptor's number.
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
// The compiler's 9 MB and the cells' libraries: a start takes a tenth less.
keepCompiledCode();
setTimeout(writeCompiledCode, SETTLED_MILLISECONDS).unref();
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
