export * from './c3.js';
export type { ChannelMasks } from './channelMasks.js';
export * from './cnn4.js';
export * from './googleNet.js';
export type { NetworkOptions } from './networkOptions.js';
export * from './resnet18.js';
export * from './resnet20.js';
export * from './torchvision.js';
