// What kernel.json starts: node --max-semi-space-size=16 --no-force-async-hooks-checks launch.js CONNECTION_FILE. The project's own
// tslab, repaired. Newer Nodes let the young generation grow further, and a compiler that starts fills it: touching that memory is
// a tenth of the time it takes. With its checks on, Node ends the process when a loop in a timer is broken off (watchThread.ts).
import { cacheCompiledCode } from './compileCache.js';
import { repairCompiler } from './compilerRepair.js';
import { ExecutionHistory } from './executionHistory.js';
import { repairExecution } from './executionRepair.js';
import { installInterruptHook } from './interruptHook.js';
import { repairMessages } from './messageRepair.js';
import { repairTransport } from './transportRepair.js';
import { loadTslab } from './tslabInternals.js';
import { startWatch } from './watchThread.js';

cacheCompiledCode();
installInterruptHook();
repairCompiler();
const tslab = loadTslab();
repairTransport(tslab);
const history = new ExecutionHistory();
repairMessages(tslab, history);
const startKernel = repairExecution(tslab, history);
startWatch(process.argv[2]);
startKernel({ configPath: process.argv[2], enableFindLocal: false, jsKernel: false });
