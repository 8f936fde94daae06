import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

/**
 * A page with the policy of reports: its script starts a worker with `source` (a file of this folder, bundled) from a
 * blob; `ask(data)` posts a message to the worker and resolves to its reply.
 */
export function pageWithWorker(source: string): string {
  const [worker] = buildSync({
    entryPoints: [join(import.meta.dirname, source)],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    write: false,
  }).outputFiles;
  const script = `
const worker = new Worker(URL.createObjectURL(new Blob([${JSON.stringify(worker.text).replaceAll('<', String.raw`\u003c`)}])));
const ask = (data) =>
  new Promise((resolve) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => resolve({ error: event.message });
    worker.postMessage(data);
  });
`;
  const hash = createHash('sha256').update(script).digest('base64');
  const policy = `default-src 'none'; script-src 'sha256-${hash}' 'wasm-unsafe-eval'; worker-src blob:`;
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><script>${script}</script>`;
}
