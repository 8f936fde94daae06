import type { Command } from 'commander';
import { pointLine } from './sweepProgress.js';

/** Adds the command that the jobs of a Slurm cluster run; people do not call it. */
export function addSweepPointCommand(sweep: Command): void {
  sweep
    .command('point', { hidden: true })
    .description('Train the point of a sweep that this task of a Slurm job array is.')
    .argument('<folder>', "the sweep's folder")
    .requiredOption('--of <file>', 'the file that lists the points of the job array')
    .action(async (folder: string, { of }: { of: string }) => {
      const { runSlurmTask } = await import('../experiments/sweep/slurm/slurmWorker.js');
      const point = await runSlurmTask(folder, of);
      process.stdout.write(`${pointLine(point)}\n`);
      // Points that start from this one begin only if it is finished.
      if (point.state !== 'finished') process.exitCode = 1;
    });
}
