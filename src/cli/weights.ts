import type { Command } from 'commander';

/** Adds `sparsebook weights`. */
export function addWeightsCommand(program: Command): void {
  program
    .command('weights')
    .summary('copy the weights of a checkpoint, to ship them')
    .description(
      'Copy a checkpoint without the parts that only a resumed run needs: weights, settings and provenance stay. It can be tested, and new runs can start from it.',
    )
    .argument('<checkpoint>', 'the checkpoint, e.g. data/runs/RUN/checkpoints/best')
    .argument('<folder>', 'the folder to write')
    .option('--data <name>', 'what the copy says its images are: synthetic, cifar10 or a folder')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sparsebook weights data/runs/RUN/checkpoints/best data/small --data cifar10',
    )
    .action(async (checkpoint: string, folder: string, { data }: { data?: string }) => {
      // Imported when needed: help needs no tensors.
      const { shipWeights } = await import('../experiments/run/saved.js');
      process.stdout.write(`wrote ${await shipWeights(checkpoint, folder, data)}\n`);
    });
}
