import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { markup } from '../render/markup.js';

/** The command that opens an address in the user's browser; undefined if there is no screen. */
export function browserCommand(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string[] | undefined {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['cmd', '/c', 'start', '""'];
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return undefined;
  return [env.BROWSER && !env.BROWSER.includes('%') ? env.BROWSER : 'xdg-open'];
}

/**
 * Opens an address in the user's browser without waiting for it; returns false if there is no screen. Other users of
 * this machine can read the address.
 */
export function openAddress(address: string): boolean {
  const command = browserCommand();
  if (!command) return false;
  const [program, ...args] = command;
  const child = spawn(program, [...args, address], { stdio: 'ignore', detached: true });
  // Without such a program, the user opens the address that the terminal shows.
  child.on('error', () => undefined);
  child.unref();
  return true;
}

/**
 * Opens an address that contains a token in the browser; returns false if there is no screen. Other users of this
 * machine can read command lines, so the browser gets a file that only this user can read and that leads to the
 * address.
 */
export function openBrowser(address: string): boolean {
  if (!browserCommand()) return false;
  const folder = mkdtempSync(join(tmpdir(), 'sparsebook-open-'));
  const file = join(folder, 'open.html');
  const page = markup`<!doctype html><meta http-equiv="refresh" content="0;url=${address}"><a href="${address}">Open sparsebook</a>`;
  writeFileSync(file, String(page), { mode: 0o600 });
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return openAddress(pathToFileURL(file).href);
}
