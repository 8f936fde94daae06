import { createRequire } from 'node:module';
import type * as TypeScript from 'typescript';
import type { Publisher, Router } from 'zeromq';
import type { Connection } from '../client/connection.js';
import type { MessageContent, MessageHeader } from '../wire.js';

/** A socket to which tslab sends messages. */
export type Outlet = Pick<Publisher, 'send' | 'close' | 'closed'>;

export interface TslabMessage {
  header: MessageHeader;
  content: MessageContent;
  createReply(): TslabMessage;
  signAndSend(key: string, socket: Outlet): void;
}

export interface TslabHandler {
  execCount: number;
  handleKernel(): { language_info: { version: string } } & MessageContent;
  handleIsComplete(request: MessageContent): MessageContent;
  handleInspect(request: MessageContent): MessageContent;
  handleComplete(request: MessageContent): MessageContent;
}

export interface TslabServer {
  handler: TslabHandler;
  connInfo: Pick<Connection, 'transport' | 'ip' | 'key' | 'client_state'>;
  iopub: Outlet;
  shell: Router;
  control: Router;
  init(): Promise<void>;
  close(): void;
  bindSocket(socket: Publisher | Router, port: number): Promise<void>;
  handleShellMessage(socket: Router, ...frames: Buffer[]): Promise<void>;
  handleExecute(socket: Router, request: TslabMessage): Promise<void>;
  handleCommInfoRequest(socket: Router, request: TslabMessage): void;
}

/** What the comments of a cell say about it: `@module name` and the like. */
export interface CellMetadata {
  module?: string;
  mode?: 'node' | 'browser';
  jsx?: boolean;
}

/** A place in a source; all numbers count from 0. */
export interface SourcePlace {
  offset: number;
  line: number;
  character: number;
}

/** What the compiler says about a place in a cell, or in a file that the cell imports. */
export interface TslabDiagnostic {
  start: SourcePlace;
  end: SourcePlace;
  category: TypeScript.DiagnosticCategory;
  /** TypeScript's number of the error. */
  code: number;
  messageText: string;
  fileName?: string;
}

/** A compiled cell: an ES module, and the declarations of all cells so far. */
export interface Converted {
  output?: string;
  declOutput?: string;
  diagnostics: TslabDiagnostic[];
  lastExpressionVar?: string;
}

export interface TslabConverter {
  convert(declarations: string, source: string): Converted;
  addModule(name: string, source: string, metadata: CellMetadata): TslabDiagnostic[];
  inspect(declarations: string, source: string, position: number): unknown;
  complete(declarations: string, source: string, position: number): unknown;
}

export interface TslabExecutor {
  inspect(source: string, position: number): unknown;
  complete(source: string, position: number): unknown;
  interrupt(): void;
  close(): void;
}

export type WriteDisplayData = (content: MessageContent, update: boolean) => void;

export interface Tslab {
  server: TslabServer;
  handler: TslabHandler;
  /** The module that holds the function by which the running cell shows something. */
  jupyter: { lastWriteDisplayData: WriteDisplayData | null };
  /** The module whose createExecutor tslab calls when it starts. */
  executor: {
    createExecutor(folder: string, converters: { node: TslabConverter; close(): void }): TslabExecutor;
  };
  getCodeMetadata: (source: string) => CellMetadata;
  startKernel: (options: { configPath: string; enableFindLocal: boolean; jsKernel: boolean }) => void;
}

/**
 * Loads the tslab that this project pins, with its own prototypes, so that a change reaches the kernel about to start.
 */
export function loadTslab(): Tslab {
  const require = createRequire(import.meta.url);
  const jupyter = require('tslab/dist/jupyter.js') as Tslab['jupyter'] & {
    ZmqServer: { prototype: TslabServer };
    JupyterHandlerImpl: { prototype: TslabHandler };
  };
  return {
    server: jupyter.ZmqServer.prototype,
    handler: jupyter.JupyterHandlerImpl.prototype,
    jupyter,
    executor: require('tslab/dist/executor.js') as Tslab['executor'],
    ...(require('tslab/dist/metadata.js') as Pick<Tslab, 'getCodeMetadata'>),
    ...(require('tslab/dist/main.js') as Pick<Tslab, 'startKernel'>),
  };
}

type Method<T, K extends keyof T> = Extract<T[K], (...args: never[]) => unknown>;

/** Replaces a method by a function of the object, the original method bound to it, and the arguments. */
export function replaceMethod<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  replacement: (self: T, original: Method<T, K>, ...args: Parameters<Method<T, K>>) => ReturnType<Method<T, K>>,
): void {
  const method = prototype[name] as (...args: unknown[]) => unknown;
  const replaced = function (this: T, ...args: Parameters<Method<T, K>>): unknown {
    return replacement(this, method.bind(this) as Method<T, K>, ...args);
  };
  prototype[name] = replaced as T[K];
}
