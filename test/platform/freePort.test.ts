import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePort } from 'sparsebook/platform/freePort.js';

test('a free port can be listened on, and no connection that a system opens takes it', async () => {
  const port = await freePort();
  assert.ok(port >= 20_000 && port < 32_768, String(port));
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
});
