// Plays the kernel in a page that runs: holds the library and the compiled cells, runs them one by one, and publishes
// Jupyter's messages.
import * as library from 'sparsebook/browser';
import { NeedsNodeError } from '../../../needsNode.js';
import type { Bundle } from '../../display/output.js';
import { CellRun, type CellFailure } from '../../kernel/cellRun.js';
import { CellVariables } from '../../kernel/cellVariables.js';
import type { Message, MessageContent } from '../../kernel/wire.js';
import type { Request, RunnableCell } from '../protocol.js';
import { asTable } from '../asTable.js';
import { asLine, asText } from '../asText.js';

const worker = globalThis as unknown as {
  /** Messages go as JSON, as a kernel's do: what is none throws in the cell that shows it. */
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

const bundleOf = (value: unknown): Bundle => ({ 'text/plain': asText(value) });

const failure = (ename: string, evalue: string): CellFailure => ({
  ename,
  evalue,
  traceback: `${ename}: ${evalue}`.split('\n'),
});

/** What `require` gives for an ES module. */
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

// What compiled cells call: `import()`, and the values that are set in the page.
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

for (const method of ['log', 'info', 'debug', 'warn', 'error'] as const) {
  const stream = method === 'warn' || method === 'error' ? 'stderr' : 'stdout';
  console[method] = (...values: unknown[]) => current?.write(stream, `${asLine(values)}\n`);
}
console.table = (data: unknown, columns?: string[]) => console.log(asTable(data, columns));

// What a cell leaves running fails in the cell that runs then, as in the kernel.
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
    const value = lastValue === undefined ? undefined : variables.values[lastValue];
    if (lastValue !== undefined) delete variables.values[lastValue];
    if (value !== undefined) run.result(value, count);
  } catch (error) {
    needsNode = error instanceof Error && 'needsNode' in error;
    run.threw(error);
  }
  run.flush();
  const outcome = run.failure ? { status: 'error', needs_node: needsNode, ...run.failure } : { status: 'ok' };
  publish('execute_reply', { execution_count: count, ...outcome });
  publish('status', { execution_state: 'idle' });
}

/** Begins to answer; the page's own code calls this, with its cells by their ids, behind this script. */
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
