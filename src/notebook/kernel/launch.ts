// What kernel.json starts: node --max-semi-space-size=16 launch.js CONNECTION_FILE. The project's own tslab, repaired. Newer Nodes let
// the young generation grow further, and a compiler that starts fills it: touching that memory is a tenth of the time it takes.
import { cacheCompiledCode } from './compileCache.js';
import { repairCompiler } from './compilerRepair.js';
import { ExecutionHistory } from './executionHistory.js';
import { repairExecution } from './executionRepair.js';
import { installInterruptHook } from './interruptHook.js';
import { repairMessages } from './messageRepair.js';
import { watchParent } from './parentWatch.js';
import { repairTransport } from './transportRepair.js';
import { loadTslab } from './tslabInternals.js';

cacheCompiledCode();
installInterruptHook();
watchParent();
repairCompiler();
const tslab = loadTslab();
repairTransport(tslab);
const history = new ExecutionHistory();
repairMessages(tslab, history);
const startKernel = repairExecution(tslab, history);
startKernel({ configPath: process.argv[2], enableFindLocal: false, jsKernel: false });
