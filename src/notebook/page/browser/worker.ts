// Acts as the kernel in a page that runs: holds the library and the compiled cells, runs them one by one, and publishes
// Jupyter's messages.
import * as library from 'sparsebook/browser';
import { NeedsNodeError } from '../../../needsNode.js';
import type { Bundle } from '../../display/output.js';
import { CellRun, type CellFailure } from '../../kernel/cellRun.js';
import { CellVariables } from '../../kernel/cellVariables.js';
import type { Message, MessageContent } from '../../kernel/wire.js';
import type { Request, RunnableCell } from '../protocol.js';
import { asText } from '../asText.js';
import { consoleTo } from '../pageConsole.js';

const worker = globalThis as unknown as {
  /** Messages are sent as JSON, as a kernel's are: a value that cannot be JSON throws in the cell that shows it. */
  postMessage(message: string): void;
  addEventListener(
    type: string,
    listener: (event: { data: Request; reason: unknown; error: unknown; preventDefault(): void }) => void,
  ): void;
};

const interruption = new Error('the cell was interrupted');

function failureOf(thrown: unknown): CellFailure {
  if (!(thrown instanceof Error)) return failure('Thrown', asText(thrown));
  return failure(thrown === interruption ? 'Interrupted' : asText(thrown.name), asText(thrown.message));
}

/** Shows what `dataFrame` returns in a page as the kernel shows a data frame. */
function bundleOf(value: unknown): Bundle {
  const { columns, values } = Object(value) as { columns?: unknown; values?: unknown };
  if (!Array.isArray(columns) || !Array.isArray(values)) return { 'text/plain': asText(value) };
  return library.tableResult({ columns, values });
}

const failure = (ename: string, evalue: string): CellFailure => ({
  ename,
  evalue,
  traceback: `${ename}: ${evalue}`.split('\n'),
});

/** What `require` returns for an ES module. */
const moduleOf = (namespace: object): object => ({ ...namespace, __esModule: true });

const modules: Record<string, object> = {
  sparsebook: moduleOf(library),
  '@sparsebook/notebook': moduleOf(library),
  '@tensorflow/tfjs': moduleOf(library.tf),
};

function require(name: string): object {
  if (Object.hasOwn(modules, name)) return modules[name];
  throw new NeedsNodeError(name, 'a page has no other modules than its own');
}

const variables = new CellVariables();
let parameters: Record<string, unknown> = {};
let current: CellRun | undefined;
let count = 0;

// What compiled cells call: `close`, `import()`, and the lookup of values that are set in the page.
Object.assign(globalThis, {
  close() {
    throw new Error('A cell cannot end what runs it.');
  },
  __tslab__: { import: (_file: string, name: string) => Promise.resolve(name).then(require) },
  __parameter__: (name: string, usual: unknown) => (Object.hasOwn(parameters, name) ? parameters[name] : usual),
});

library.showIn({
  write: (content, update) => current?.display({ ...content }, update),
  drawsFigures: true,
});

Object.assign(
  console,
  consoleTo((stream, text) => current?.write(stream, text)),
);

/** A rejection that a cell does not handle is reported in a separate turn, after the one in which the cell ended. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

// If code that a cell left running fails or prints, this counts for the cell that runs then: a browser does not tell
// which cell the code belongs to.
worker.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  current?.threw(event.reason);
});
worker.addEventListener('error', (event) => {
  event.preventDefault();
  current?.threw(event.error);
});

async function execute(id: string, { declares, lastValue, body }: RunnableCell): Promise<void> {
  const publish = (msg_type: string, content: MessageContent): void => {
    const date = new Date().toISOString();
    const header = { msg_id: '', session: '', username: 'page', date, msg_type, version: '5.3' };
    const message: Message = { header, parent_header: { msg_id: id }, metadata: {}, content };
    worker.postMessage(JSON.stringify(message));
  };
  const run = (current = new CellRun('', publish, { bundleOf, failureOf }));
  let needsNode = false;
  publish('status', { execution_state: 'busy' });
  run.start(++count);
  try {
    const scope = variables.scope(declares);
    await Promise.race([body(require)(scope.exports, require, scope.bind), run.stopped]);
    scope.end();
    const value = lastValue === undefined ? undefined : variables.values[lastValue];
    if (lastValue !== undefined) delete variables.values[lastValue];
    if (value !== undefined) run.result(value, count);
  } catch (error) {
    needsNode = error instanceof Error && 'needsNode' in error;
    run.threw(error);
  }
  await nextTurn();
  await nextTurn();
  run.flush();
  const outcome = run.failure ? { status: 'error', needs_node: needsNode, ...run.failure } : { status: 'ok' };
  publish('execute_reply', { execution_count: count, ...outcome });
  publish('status', { execution_state: 'idle' });
}

/** Starts answering requests. The page's code, which follows this script, calls this with the cells by their ids. */
function startCells(cells: Record<string, RunnableCell>): void {
  worker.addEventListener('message', ({ data }) => {
    if (data.type === 'mount') library.mount(data.files);
    else if (data.type === 'interrupt_request') {
      library.interrupt();
      current?.stop(interruption);
    } else {
      parameters = data.parameters;
      void execute(data.id, cells[data.cell]);
    }
  });
}

Object.assign(globalThis, { startCells });
