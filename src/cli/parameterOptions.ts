import { readFileSync } from 'node:fs';
import { type Command } from 'commander';
import { UserError } from '../errors.js';
import { readAssignments } from '../formats/text.js';
import { type GivenValue, Verbatim } from '../notebook/run/parameters.js';
import type { ParameterValue } from '../notebook/run/syntax.js';
import { fromYaml } from '../notebook/run/applyParameters.js';
import { isObject } from '../formats/json.js';

/** The values of the options for parameters and the kernel. */
export interface ParameterFlags {
  parameters?: string[];
  parameters_raw?: string[];
  parameters_yaml?: string[];
  parameters_file?: string[];
  parameters_base64?: string[];
  kernel?: string;
}

/** Options that take two words, which commander does not support. */
const PAIRS: Record<string, string> = {
  '-p': '--parameters',
  '--parameters': '--parameters',
  '-r': '--parameters_raw',
  '--parameters_raw': '--parameters_raw',
};

/** Adds papermill's options for parameters and the kernel, under papermill's names. */
export function addParameterOptions(command: Command): Command {
  const all = (word: string, before: string[] = []): string[] => [...before, word];
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (words) => parse(joinPairs(words));
  return command
    .option('-p, --parameters <name> <value>', 'a parameter, as key=value', all)
    .option('-r, --parameters_raw <name> <value>', 'a parameter whose value is a text, whatever it looks like', all)
    .option('-y, --parameters_yaml <yaml>', "parameters in YAML, such as '{lr: 0.1, sizes: [1, 2]}'", all)
    .option(
      '-f, --parameters_file <file>',
      'a YAML or JSON file of parameters; values given otherwise take precedence',
      all,
    )
    .option('-b, --parameters_base64 <text>', 'parameters in YAML, as base64', all)
    .option('-k, --kernel <name>', 'run on this kernel instead of the one that the notebook names');
}

/** Joins `-p name value` into one word, `--parameters=name=value`. */
function joinPairs(words: string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const option = Object.hasOwn(PAIRS, words[i]) ? PAIRS[words[i]] : undefined;
    if (words[i] === '--') return [...joined, ...words.slice(i)];
    if (option === undefined || i + 1 === words.length) joined.push(words[i]);
    else if (words[i + 1].includes('=')) joined.push(`${option}=${words[++i]}`);
    else if (i + 2 === words.length)
      throw new UserError(`${words[i]} must be followed by a name and a value; received ${words[i + 1]} alone`);
    else joined.push(`${option}=${words[++i]}=${words[++i]}`);
  }
  return joined;
}

/**
 * The parameters given by `key=value` words and by options; single ones take precedence over those of `-y`, then come
 * `-f` and `-b`.
 */
export function parametersFrom(words: string[], flags: ParameterFlags): Record<string, GivenValue> {
  const { parameters = [], parameters_raw = [] } = flags;
  const { parameters_yaml = [], parameters_file = [], parameters_base64 = [] } = flags;
  const notebook = words.find((word) => /^[^=]*\.ipynb$/.test(word));
  if (notebook !== undefined)
    throw new UserError(
      `a parameter must be written key=value; received ${notebook}. To save to it, write -o ${notebook}`,
    );
  const single = readAssignments([...words, ...parameters, ...parameters_raw]);
  const raw = Object.entries(readAssignments(parameters_raw)).map(
    ([name, text]) => [name, new Verbatim(text)] as const,
  );
  const maps = [
    ...parameters_base64.map((text) => mapping(Buffer.from(text, 'base64').toString(), '--parameters_base64')),
    ...parameters_file.map((file) => mapping(readText(file), file)),
    ...parameters_yaml.map((text) => mapping(text, '--parameters_yaml')),
  ];
  return Object.assign({}, ...maps, single, Object.fromEntries(raw)) as Record<string, GivenValue>;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read the parameters in ${file}: ${(error as Error).message}`);
  }
}

function mapping(text: string, where: string): Record<string, Verbatim> {
  let value: ParameterValue;
  try {
    value = fromYaml(text);
  } catch (error) {
    throw new UserError(`cannot read the parameters in ${where}: ${(error as Error).message}`);
  }
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, new Verbatim(one)]));
  const received = JSON.stringify(text.slice(0, 200));
  throw new UserError(`${where} must hold parameters in YAML, name: value; received ${received}`);
}
