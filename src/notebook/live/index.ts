export type { Command, Patch } from './protocol.js';
export { startServer, type LiveServer, type ServerOptions } from './server/startServer.js';
