import type { Command } from 'commander';
import { installedBy, installKernel, uninstallKernel, startJupyter } from '../notebook/jupyter/jupyter.js';
import type { InstallOptions } from '../notebook/jupyter/jupyter.js';
import { listKernelSpecs } from '../notebook/jupyter/kernelSpec.js';

/** Adds `sparsebook kernel`. */
export function addKernelCommand(program: Command): void {
  const kernel = program.command('kernel').summary('make the TypeScript kernel known to VS Code and others');
  const placed = (command: Command): Command =>
    command
      .option('--prefix <folder>', "in this folder's share/jupyter instead of the user's Jupyter folder")
      .option('--name <name>', 'under this name (default: tslab)');

  placed(kernel.command('install'))
    .description('Install a kernelspec with absolute paths. JUPYTER_DATA_DIR is honoured.')
    .addHelpText('after', '\nExamples:\n  $ sparsebook kernel install\n  $ sparsebook kernel install --prefix ~/.local')
    .action((options: InstallOptions) => {
      process.stdout.write(`installed ${installKernel(options)}\n`);
    });
  placed(kernel.command('uninstall'))
    .description('Remove the kernelspec that install wrote.')
    .action((options: InstallOptions) => {
      process.stdout.write(`removed ${uninstallKernel(options)}\n`);
    });
  kernel
    .command('list')
    .description('List the kernels that a run can use. Of those with the same name the first is used.')
    .action(() => {
      for (const spec of listKernelSpecs()) {
        const project = installedBy(spec);
        const by = project === undefined ? '' : ` (installed for ${project})`;
        process.stdout.write(`${spec.name.padEnd(16)}${spec.display_name}  ${spec.file}${by}\n`);
      }
    });
}

/** Adds `sparsebook jupyter`. */
export function addJupyterCommand(program: Command): void {
  program
    .command('jupyter')
    .summary('open the notebooks in Jupyter')
    .description(
      "Start JupyterLab, or else Jupyter Notebook, with this project's kernel. Arguments after the command are Jupyter's.",
    )
    .argument('[words...]', "Jupyter's own arguments")
    .allowUnknownOption()
    .addHelpText(
      'after',
      '\nExamples:\n  $ sparsebook jupyter\n  $ sparsebook jupyter --no-browser --port 8899 notebooks',
    )
    .action(async (words: string[]) => {
      process.exitCode = await startJupyter(words);
    });
}
