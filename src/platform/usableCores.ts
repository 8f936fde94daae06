import { availableParallelism } from 'node:os';

/** How many cores this process may use: those that its Slurm job was given for each task, else the machine's. */
export const usableCores = (): number => Number(process.env.SLURM_CPUS_PER_TASK) || availableParallelism();
