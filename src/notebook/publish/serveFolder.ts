import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
};

/**
 * Serves a folder's files as any plain host does, without the headers that isolate a page, below a path of 127.0.0.1 on
 * a free port. Returns the folder's address; `close` ends the server.
 */
export async function serveFolder(folder: string, path = '/'): Promise<{ address: string; close: () => void }> {
  const server = createServer((request, response) => {
    const asked = new URL(request.url ?? '', 'http://127.0.0.1').pathname;
    const name = asked.startsWith(path) ? fileName(asked.slice(path.length)) : undefined;
    void answer(response, name === undefined ? undefined : join(folder, name));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}${path}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(response: ServerResponse, file: string | undefined): Promise<void> {
  const stats = file === undefined ? undefined : await stat(file).catch(() => undefined);
  if (file === undefined || !stats?.isFile()) return void response.writeHead(404).end();
  const type = types[extname(file)] ?? 'application/octet-stream';
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': stats.size });
  createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response);
}

/** The name of the requested file in the folder; undefined for a path that leads out of the folder. */
function fileName(asked: string): string | undefined {
  try {
    const name = decodeURIComponent(asked) || 'index.html';
    return /[\\/\0]|^\.\.?$/.test(name) ? undefined : name;
  } catch {
    return undefined;
  }
}
