import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../platform/freePort.js';
import { ClientStateWriter } from '../clientState.js';
import { atExit } from './kernelProcess.js';

/**
 * How messages travel: through sockets that are files in a folder that only this user can open, or through ports of
 * this machine.
 */
export type Transport = 'ipc' | 'tcp';

/** Where a kernel listens, as Jupyter's connection file has it. */
export interface Connection {
  transport: Transport;
  /** The address, or the beginning of the paths of all sockets. */
  ip: string;
  key: string;
  signature_scheme: 'hmac-sha256';
  shell_port: number;
  iopub_port: number;
  stdin_port: number;
  control_port: number;
  hb_port: number;
  /** Where the client's state is written (not Jupyter's). */
  client_state?: string;
}

/** A connection written to a file that only this user can read, in a folder that only this user can open. */
export interface ConnectionFile {
  connection: Connection;
  path: string;
  state: ClientStateWriter;
  remove(): Promise<void>;
}

/** The longest path of a socket on macOS, in bytes; Linux allows 107. */
const LONGEST_SOCKET_PATH = 103;

/** ZeroMQ's address of one of a connection's sockets, in Jupyter's form. */
export function addressOf({ transport, ip }: Pick<Connection, 'transport' | 'ip'>, port: number): string {
  return transport === 'ipc' ? `ipc://${ip}-${port}` : `${transport}://${ip}:${port}`;
}

/**
 * Chooses five sockets and a key, and writes them to a new connection file in the system's temporary folder. Sockets
 * are ports if files are not wanted or not possible: on Windows, or in a folder whose path is too long.
 */
export async function createConnectionFile(wanted: Transport): Promise<ConnectionFile> {
  const folder = await mkdtemp(join(tmpdir(), 'sparsebook-kernel-'));
  const prefix = join(folder, 'socket');
  const asFiles =
    wanted === 'ipc' && process.platform !== 'win32' && Buffer.byteLength(`${prefix}-5`) <= LONGEST_SOCKET_PATH;
  const ports = new Set(asFiles ? [1, 2, 3, 4, 5] : []);
  while (ports.size < 5) ports.add(await freePort());
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = ports;
  const sockets = { shell_port, iopub_port, stdin_port, control_port, hb_port };
  const client_state = join(folder, 'client-state');
  const connection: Connection = {
    ...(asFiles ? { transport: 'ipc', ip: prefix } : { transport: 'tcp', ip: '127.0.0.1' }),
    ...sockets,
    key: randomBytes(32).toString('hex'),
    signature_scheme: 'hmac-sha256',
    client_state,
  };
  const path = join(folder, 'connection.json');
  await writeFile(path, JSON.stringify(connection), { mode: 0o600 });
  const state = new ClientStateWriter(client_state);
  const stay = atExit(() => rmSync(folder, { recursive: true, force: true }));
  const remove = async (): Promise<void> => {
    stay();
    state.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { connection, path, state, remove };
}
