import { createRequire } from 'node:module';
import type { Publisher, Router } from 'zeromq';
import type { Connection } from './connection.js';
import type { MessageContent, MessageHeader } from './wire.js';

/** A message inside tslab. */
export interface TslabMessage {
  header: MessageHeader;
  content: MessageContent;
  createReply(): TslabMessage;
  signAndSend(key: string, socket: Publisher | Router): void;
}

type WriteStream = (name: 'stdout' | 'stderr', text: string) => void;
type WriteDisplayData = (content: MessageContent, update: boolean) => void;

/** tslab's side of an execute_request. */
export interface TslabHandler {
  execCount: number;
  handleKernel(): { language_info: { version: string } } & MessageContent;
  handleExecute(request: MessageContent, stream: WriteStream, display: WriteDisplayData): Promise<{ status: string }>;
  handleExecuteImpl(request: MessageContent, stream: WriteStream, display: WriteDisplayData): Promise<unknown>;
}

/** tslab's server: the five sockets and what it does with each kind of message. */
export interface TslabServer {
  handler: TslabHandler;
  connInfo: Pick<Connection, 'transport' | 'ip' | 'key'>;
  iopub: Publisher;
  shell: Router;
  control: Router;
  init(): Promise<void>;
  close(): void;
  bindSocket(socket: Publisher | Router, port: number): Promise<void>;
  handleShellMessage(socket: Router, ...frames: Buffer[]): Promise<void>;
  handleExecute(socket: Router, request: TslabMessage): Promise<void>;
  handleCommInfoRequest(socket: Router, request: TslabMessage): void;
}

/** What compiles and runs cells. */
export interface TslabExecutor {
  /** The variables of the cells so far. */
  locals: object;
  execute(code: string): Promise<boolean>;
}

/** The parts of tslab that are repaired, and its starter. */
export interface Tslab {
  server: TslabServer;
  handler: TslabHandler;
  queue: { reset(delay?: number): void };
  /** The module whose createExecutor tslab calls when it starts. */
  executor: { createExecutor(...args: unknown[]): TslabExecutor };
  startKernel: (options: { configPath: string; enableFindLocal: boolean; jsKernel: boolean }) => void;
}

/** Loads the tslab that this project pins; its own prototypes, so a change reaches the kernel about to start. */
export function loadTslab(): Tslab {
  const require = createRequire(import.meta.url);
  const jupyter = require('tslab/dist/jupyter.js') as {
    ZmqServer: { prototype: TslabServer };
    JupyterHandlerImpl: { prototype: TslabHandler };
  };
  const util = require('tslab/dist/util.js') as { TaskQueue: { prototype: Tslab['queue'] } };
  const main = require('tslab/dist/main.js') as Pick<Tslab, 'startKernel'>;
  return {
    server: jupyter.ZmqServer.prototype,
    handler: jupyter.JupyterHandlerImpl.prototype,
    queue: util.TaskQueue.prototype,
    executor: require('tslab/dist/executor.js') as Tslab['executor'],
    startKernel: (options) => main.startKernel(options),
  };
}
