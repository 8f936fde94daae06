import { UserError } from '../../errors.js';
import { charactersIn, unitsIn } from '../kernel/wire.js';
import { setParameter } from '../run/parameters.js';
import type { ParameterValue } from '../run/syntax.js';
import { parseParameter } from '../run/applyParameters.js';
import type { Command, Completion, FolderCommand, Problem } from './protocol.js';
import type { LiveSession } from './liveSession.js';

/** What the value of a field must be: the rule in words, and whether a value follows it. */
type Field = [rule: string, keeps: (value: unknown) => boolean];

const oneOf = (...values: unknown[]): Field => [`one of ${values.join(', ')}`, (value) => values.includes(value)];
const isId = (value: unknown): boolean => typeof value === 'string' && /^[a-zA-Z0-9-_]{1,64}$/.test(value);

const anything: Field = ['anything', () => true];
const text: Field = ['text', (value) => typeof value === 'string'];
const count: Field = ['a whole number', (value) => Number.isSafeInteger(value) && Number(value) >= 0];
const id: Field = ["a cell's id", isId];
const ids: Field = ['a list of ids of cells', (value) => Array.isArray(value) && value.every(isId)];
const type = oneOf('code', 'markdown', 'raw');

const fieldsOf: Record<Command['do'], Record<string, Field>> = {
  edit: { id, source: text },
  insert: { type, index: count, id },
  remove: { id },
  restore: {},
  move: { id, index: count },
  type: { id, type },
  set: { name: text, value: anything },
  run: { ids },
  resetParameters: {},
  runFrom: { id },
  runNeeds: { id },
  runDependents: { id },
  runAll: {},
  runChanged: {},
  interrupt: {},
  restart: {},
  stop: {},
  save: {},
  discardDraft: {},
  resolve: { with: oneOf('mine', 'theirs', 'copy') },
  complete: { code: text, position: count },
  inspect: { code: text, position: count },
  diagnose: { code: text },
};

const folderFieldsOf: Record<FolderCommand['do'], Record<string, Field>> = {
  new: {},
  duplicate: { path: text },
  rename: { path: text, to: text },
};

const DEEPEST = 50;

/** Reads a request's JSON as a command to a notebook; throws a UserError that names the field at fault. */
export const parseCommand = (value: unknown): Command => parsed(value, fieldsOf);

/** Reads a request's JSON as a command to the folder; throws as `parseCommand` does. */
export const parseFolderCommand = (value: unknown): FolderCommand => parsed(value, folderFieldsOf);

function parsed<C extends { do: string }>(value: unknown, commands: Record<C['do'], Record<string, Field>>): C {
  if (typeof value !== 'object' || value === null) throw new UserError('a command must be a JSON object');
  if (!isWithin(DEEPEST, value))
    throw new UserError(`a command must be nested at most ${DEEPEST} levels deep; this one is deeper`);
  const given = value as Record<string, unknown>;
  const shown = (one: unknown): string => String(JSON.stringify(one)).slice(0, 80);
  const name = Object.keys(commands).find((one): one is C['do'] => one === given.do);
  if (name === undefined) throw new UserError(`there is no command ${shown(given.do)}`);
  const fields = Object.entries(commands[name]).map(([field, [rule, keeps]]) => {
    if (keeps(given[field])) return [field, given[field]];
    throw new UserError(`'${field}' must be ${rule}; received ${shown(given[field])}`);
  });
  return { do: name, ...Object.fromEntries(fields) } as C;
}

/** Whether a value is nested within some levels; one with thousands of levels cannot be read, compared or written. */
function isWithin(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isWithin(levels - 1, inner));
}

/**
 * Executes a page's command to a notebook; `by` names the page. Resolves with the answer if the command asks for one.
 */
export async function handleCommand(session: LiveSession, command: Command, by: string): Promise<unknown> {
  const { document, runner, kernel } = session;
  switch (command.do) {
    case 'edit':
      document.cell(command.id).edit(command.source, by);
      return session.changed();
    case 'insert':
      document.insert(command.type, command.index, command.id);
      return session.changed();
    case 'remove':
      document.remove(command.id);
      return session.changed();
    case 'restore':
      if (document.restore()) session.changed();
      return undefined;
    case 'move':
      document.move(command.id, command.index);
      return session.changed();
    case 'type':
      document.cell(command.id).become(command.type);
      return session.changed();
    case 'set':
      return setValue(session, command.name, command.value);
    case 'resetParameters':
      return session.resetParameters();
    case 'run':
      return runner.add(command.ids.map((id) => document.cell(id)));
    case 'runFrom':
      return runner.add(document.list.slice(document.list.indexOf(document.cell(command.id))));
    case 'runNeeds':
      return runner.add(session.code.neededFor(document.cell(command.id).id).map((id) => document.cell(id)));
    case 'runDependents':
      return runner.add(session.code.dependingOn(document.cell(command.id).id).map((id) => document.cell(id)));
    case 'runAll':
      return runner.add(document.list);
    case 'runChanged':
      return runner.add(session.code.toRun().map((id) => document.cell(id)));
    case 'interrupt':
      runner.drop();
      return kernel.interrupt();
    case 'restart':
      return session.restart();
    case 'stop':
      return session.stop();
    case 'save':
      return session.save();
    case 'discardDraft':
      return session.resolve('theirs');
    case 'resolve':
      return session.resolve(command.with);
    case 'complete':
    case 'inspect':
      return ask(session, command);
    case 'diagnose':
      return diagnose(session, command.code);
  }
}

function setValue(session: LiveSession, name: string, value: unknown): void {
  const { code, document } = session;
  const control = code.panel.controls.get().find((one) => one.name === name);
  if (!control) throw new UserError(`the notebook has no parameter '${name}'`);
  const { comment, type } = control;
  const example = control.value as ParameterValue | undefined;
  const parsed = parseParameter({ name, keyword: 'const', type, value: example, comment }, value as ParameterValue);
  const cell = document.cell(control.cell);
  cell.edit(setParameter(cell.source, name, parsed));
  session.changed();
}

/** Asks for a completion, or for what the kernel knows of a name; null if the kernel does not answer soon. */
async function ask(
  { kernel }: LiveSession,
  { do: what, code, position }: Extract<Command, { do: 'complete' | 'inspect' }>,
): Promise<Completion | { text: string } | null> {
  const answer = await kernel.ask(`${what}_request`, {
    code,
    cursor_pos: charactersIn(code, position),
    detail_level: 0,
  });
  if (answer?.status !== 'ok') return null;
  if (what === 'inspect') {
    const text = (answer.data as Record<string, unknown> | undefined)?.['text/plain'];
    return answer.found === true && typeof text === 'string' ? { text } : null;
  }
  const { matches, cursor_start, cursor_end } = answer;
  if (!Array.isArray(matches)) return null;
  return {
    matches: matches.map(String),
    start: unitsIn(code, Number(cursor_start)),
    end: unitsIn(code, Number(cursor_end)),
  };
}

/**
 * TypeScript's messages about a piece of code; null without a kernel, while it runs a cell, or if it cannot check code.
 */
async function diagnose({ kernel }: LiveSession, code: string): Promise<Problem[] | null> {
  if (kernel.status.get().state !== 'idle') return null;
  const answer = await kernel.ask('diagnose_request', { code });
  return answer?.status === 'ok' && Array.isArray(answer.problems) ? (answer.problems as Problem[]) : null;
}
