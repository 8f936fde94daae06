import { UserError } from '../../errors.js';
import type { CellType, Command } from './protocol.js';

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
