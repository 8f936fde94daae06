import { UserError } from '../../errors.js';
import { type ParameterValue, setParameter } from '../run/parameters.js';
import { parseParameter } from '../run/parseParameter.js';
import type { CellType, Command, Completion } from './protocol.js';
import type { LiveSession } from './liveSession.js';

type Fields = Record<string, unknown>;

const DEEPEST = 50;
const CELL_ID = /^[a-zA-Z0-9-_]{1,64}$/;

/** The command that a request's JSON is; throws a UserError that names the field at fault. */
export function parseCommand(value: unknown): Command {
  if (typeof value !== 'object' || value === null) throw new UserError('a command must be a JSON object');
  if (!isWithin(DEEPEST, value)) throw new UserError(`a command may be nested ${DEEPEST} levels deep at most`);
  const fields = value as Fields;
  switch (fields.do) {
    case 'edit':
      return { do: 'edit', id: idIn(fields), source: textIn(fields, 'source') };
    case 'insert':
      return { do: 'insert', type: typeIn(fields), index: countIn(fields, 'index'), id: idIn(fields) };
    case 'remove':
    case 'runFrom':
      return { do: fields.do, id: idIn(fields) };
    case 'move':
      return { do: 'move', id: idIn(fields), index: countIn(fields, 'index') };
    case 'type':
      return { do: 'type', id: idIn(fields), type: typeIn(fields) };
    case 'set':
      return { do: 'set', name: textIn(fields, 'name'), value: fields.value };
    case 'clear':
    case 'run':
      return { do: fields.do, ids: idsIn(fields) };
    case 'restore':
    case 'runAll':
    case 'runChanged':
    case 'interrupt':
    case 'restart':
    case 'stop':
    case 'save':
      return { do: fields.do };
    case 'resolve':
      return { do: 'resolve', with: oneOf(fields, 'with', ['mine', 'theirs', 'copy']) };
    case 'complete':
    case 'inspect':
      return { do: fields.do, code: textIn(fields, 'code'), position: countIn(fields, 'position') };
    default:
      throw new UserError(`there is no command ${String(JSON.stringify(fields.do)).slice(0, 80)}`);
  }
}

/** What is nested by the thousand levels cannot be read, compared or written. */
function isWithin(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isWithin(levels - 1, inner));
}

function refuse(field: string, rule: string, value: unknown): never {
  throw new UserError(`'${field}' must be ${rule}; received ${(JSON.stringify(value) ?? 'nothing').slice(0, 80)}`);
}

function textIn(fields: Fields, field: string): string {
  const value = fields[field];
  return typeof value === 'string' ? value : refuse(field, 'text', value);
}

function countIn(fields: Fields, field: string): number {
  const value = fields[field];
  return Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : refuse(field, 'a whole number', value);
}

function oneOf<T extends string>(fields: Fields, field: string, values: readonly T[]): T {
  const value = fields[field];
  return values.find((one) => one === value) ?? refuse(field, `one of ${values.join(', ')}`, value);
}

const typeIn = (fields: Fields): CellType => oneOf(fields, 'type', ['code', 'markdown', 'raw']);

const isId = (value: unknown): value is string => typeof value === 'string' && CELL_ID.test(value);

function idIn({ id }: Fields): string {
  return isId(id) ? id : refuse('id', "a cell's id", id);
}

function idsIn({ ids }: Fields): string[] {
  return Array.isArray(ids) && ids.every(isId) ? ids : refuse('ids', 'a list of ids of cells', ids);
}

/** Does what a page asks of a notebook; `by` names the page. Resolves with the answer, if it is a question. */
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
    case 'clear':
      for (const id of command.ids) document.cell(id).clear();
      return session.changed();
    case 'run':
      return runner.add(command.ids.map((id) => document.cell(id)));
    case 'runFrom':
      return runner.add(document.list.slice(document.list.indexOf(document.cell(command.id))));
    case 'runAll':
      return runner.add(document.list);
    case 'runChanged':
      return runner.add(session.panel.toRun(document).map((id) => document.cell(id)));
    case 'interrupt':
      runner.drop();
      return kernel.interrupt();
    case 'restart':
      return session.restart();
    case 'stop':
      return session.stop();
    case 'save':
      return session.save();
    case 'resolve':
      return session.resolve(command.with);
    case 'complete':
    case 'inspect':
      return ask(session, command);
  }
}

/** Writes a value into the cell that declares it. */
function setValue(session: LiveSession, name: string, value: unknown): void {
  const { panel, document } = session;
  const control = panel.controls.get().find((one) => one.name === name);
  if (!control) throw new UserError(`the notebook has no parameter '${name}'`);
  const { comment, type } = control;
  const example = control.value as ParameterValue | undefined;
  const parsed = parseParameter({ name, keyword: 'const', type, value: example, comment }, value as ParameterValue);
  const cell = document.cell(control.cell);
  cell.edit(setParameter(cell.source, name, parsed));
  session.changed();
}

/** Completion, or what the kernel knows of a name: nothing while it starts or is too busy to answer soon. */
async function ask(
  { kernel }: LiveSession,
  { do: what, code, position }: Extract<Command, { do: 'complete' | 'inspect' }>,
): Promise<Completion | { text: string } | null> {
  const answer = await kernel.ask(`${what}_request`, { code, cursor_pos: position, detail_level: 0 });
  if (answer?.status !== 'ok') return null;
  if (what === 'inspect') {
    const text = (answer.data as Record<string, unknown> | undefined)?.['text/plain'];
    return answer.found === true && typeof text === 'string' ? { text } : null;
  }
  const { matches, cursor_start, cursor_end } = answer;
  if (!Array.isArray(matches)) return null;
  return { matches: matches.map(String), start: Number(cursor_start), end: Number(cursor_end) };
}
