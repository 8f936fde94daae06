import { join } from 'node:path';
import { dataFolder } from '../data/loadData.js';

/** The folder that runs are logged and saved in: data/runs. */
export const runsFolder = (): string => join(dataFolder(), 'runs');
