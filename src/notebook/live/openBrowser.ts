import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { markup } from '../render/markup.js';

/** What opens an address in the person's browser; undefined where there is no screen to open it on. */
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
 * Opens an address in the person's browser and does not wait for it; false where there is no screen. Other people of
 * this machine can read the address.
 */
export function openAddress(address: string): boolean {
  const command = browserCommand();
  if (!command) return false;
  const [program, ...args] = command;
  const child = spawn(program, [...args, address], { stdio: 'ignore', detached: true });
  // Without such a program the address in the terminal has to do.
  child.on('error', () => undefined);
  child.unref();
  return true;
}

/**
 * Opens an address that holds a token in the browser; false where there is none. Other people of this machine can read
 * command lines: so the browser is given a file that only this person can read and that leads there.
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
