import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a kernel listens, as Jupyter's connection file has it. */
export interface Connection {
  transport: 'tcp';
  ip: string;
  key: string;
  signature_scheme: 'hmac-sha256';
  shell_port: number;
  iopub_port: number;
  stdin_port: number;
  control_port: number;
  hb_port: number;
}

/** A connection written to a file that only this user can read. */
export interface ConnectionFile {
  connection: Connection;
  path: string;
  remove(): Promise<void>;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Chooses five free ports and a key, and writes them to a new connection file in the system's temporary folder. */
export async function createConnectionFile(): Promise<ConnectionFile> {
  const ports = await Promise.all(Array.from({ length: 5 }, freePort));
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = ports;
  const connection: Connection = {
    transport: 'tcp',
    ip: '127.0.0.1',
    key: randomBytes(32).toString('hex'),
    signature_scheme: 'hmac-sha256',
    shell_port,
    iopub_port,
    stdin_port,
    control_port,
    hb_port,
  };
  const folder = await mkdtemp(join(tmpdir(), 'sparsebook-kernel-'));
  const path = join(folder, 'connection.json');
  await writeFile(path, JSON.stringify(connection), { mode: 0o600 });
  return { connection, path, remove: () => rm(folder, { recursive: true, force: true }) };
}
