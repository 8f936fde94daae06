// What kernel.json starts: node --max-semi-space-size=16 launch.js CONNECTION_FILE. The project's own tslab, repaired. Newer Nodes let
// the young generation grow further, and a compiler that starts fills it: touching that memory is a tenth of the time it takes.
import { repairCompiler } from './compilerRepair.js';
import { repairExecution } from './executionRepair.js';
import { installInterruptHook } from './interruptHook.js';
import { repairMessages } from './messageRepair.js';
import { watchParent } from './parentWatch.js';
import { repairShorthands } from './shorthandRepair.js';
import { repairTransport } from './transportRepair.js';
import { loadTslab } from './tslabInternals.js';

installInterruptHook();
watchParent();
repairCompiler();
const tslab = loadTslab();
repairTransport(tslab);
repairMessages(tslab);
repairShorthands(tslab);
const startKernel = repairExecution(tslab);
startKernel({ configPath: process.argv[2], enableFindLocal: false, jsKernel: false });
