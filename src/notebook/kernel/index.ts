export { interruptSignal } from './interruptSignal.js';
export { KernelClient, type ExecuteOutcome, type KernelOptions } from './kernelClient.js';
export type { KernelExit } from './kernelProcess.js';
export type { Message, MessageContent, MessageHeader } from './wire.js';
