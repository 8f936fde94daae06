import { UserError } from '../../errors.js';
import { type ParameterValue, setParameter } from '../run/parameters.js';
import { parseParameter } from '../run/parseParameter.js';
import type { LiveSession } from './liveSession.js';
import type { Command, Completion } from './protocol.js';

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
