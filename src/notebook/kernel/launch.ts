// What kernel.json starts: node launch.js CONNECTION_FILE. The project's own tslab, repaired.
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
