import { type Command, InvalidArgumentError } from 'commander';
import { addParameterOptions, parametersFrom, type ParameterFlags } from './parameters/parameterOptions.js';
import { runOnTerminal } from './runOnTerminal.js';

interface Flags extends ParameterFlags {
  output?: string;
  cellTimeout?: number;
  startTimeout?: number;
  allowErrors?: boolean;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number of seconds above 0.');
  return value;
}

/** Adds `sparsebook run`. */
export function addRunCommand(program: Command): void {
  addParameterOptions(program.command('run'))
    .summary('execute a notebook')
    .description(
      'Execute a notebook on its TypeScript kernel and save it after every cell. Parameters replace values of the cell tagged "parameters".',
    )
    .argument('<notebook>', 'a path, or the beginning of a name in notebooks/')
    .argument('[key=value...]', 'parameters')
    .option('-o, --output <file>', 'save to this file instead of in place; - is standard output')
    .option('--cell-timeout <seconds>', 'stop a cell that takes longer', seconds)
    .option('--start-timeout <seconds>', 'how long to wait for the kernel (default: 60)', seconds)
    .option('--allow-errors', 'go on after a cell that fails')
    .addHelpText(
      'after',
      `
Examples:
  $ sparsebook run 01
  $ sparsebook run 01 lambda_l0=20 --output lambda-20.ipynb
  $ sparsebook run 01 -p lambda_l0 20 -f settings.yaml -o lambda-20.ipynb
  $ sparsebook run notebooks/01-l0-googlenet.ipynb --cell-timeout 600`,
    )
    .action(async (notebook: string, words: string[], flags: Flags) => {
      await runOnTerminal({ ...flags, notebook, parameters: parametersFrom(words, flags) });
    });
}
