import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UserError } from '../../../errors.js';
import { USUAL_KERNEL } from '../../jupyter/kernelSpec.js';
import { fenced, tellFault } from '../fence.js';
import { SpareKernel } from '../kernel/spareKernel.js';
import { NotebookFolder } from '../notebookFolder.js';
import { OpenNotebooks } from '../openNotebooks.js';
import { Access } from './access.js';
import { handleRequest } from './handleRequest.js';

export interface ServerOptions {
  /** The folder whose notebooks are served. */
  folder: string;
  /** The port; 8765 by default, or, if that is taken, any that is free. */
  port?: number;
  /** Whether to start a kernel at once, for the first notebook that is opened. */
  spareKernel?: boolean;
}

/** A running server. */
export interface LiveServer {
  port: number;
  /** What opens the list of notebooks, or a notebook: the token is in it. */
  address(path?: string): string;
  notebooks: OpenNotebooks;
  /** Saves, ends kernels; resolves with what a person should know. */
  close(): Promise<string[]>;
}

const USUAL_PORT = 8765;
const LOCAL = '127.0.0.1';

/** Serves a folder's notebooks to this machine alone; throws a UserError when the port asked for is taken. */
export async function startServer({ folder, port, spareKernel }: ServerOptions): Promise<LiveServer> {
  const opened = await NotebookFolder.open(folder);
  const server = createServer();
  const taken = await listen(server, port ?? USUAL_PORT).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE' && port === undefined) return listen(server, 0);
    throw new UserError(`port ${port ?? USUAL_PORT} cannot be used: ${error.message}. Name another one: --port 8800`);
  });
  const spare = spareKernel ? await SpareKernel.begin(USUAL_KERNEL, opened.root) : undefined;
  const notebooks = new OpenNotebooks(opened, spare);
  const access = new Access(taken);
  server.on('request', (request, response) => {
    // A page that goes away while it is answered is no fault.
    response.on('error', () => response.destroy());
    fenced('an answer', () => handleRequest({ access, notebooks, folder }, request, response));
  });
  server.on('error', (error) => tellFault('the server', error));
  return {
    port: taken,
    notebooks,
    address: (path) => {
      const below = path === undefined ? '' : `notebooks/${path.split('/').map(encodeURIComponent).join('/')}`;
      return `http://${LOCAL}:${taken}/${below}?token=${access.token}`;
    },
    async close() {
      const said = await notebooks.close();
      server.close();
      server.closeAllConnections();
      return said;
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOCAL, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
