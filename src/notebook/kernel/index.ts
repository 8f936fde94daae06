export { interruptSignal } from './interrupt.js';
export { KernelClient, type ExecuteOutcome, type KernelOptions } from './client/kernelClient.js';
export type { KernelExit } from './client/kernelProcess.js';
export type { Message, MessageContent, MessageHeader } from './wire.js';
