// What a worker can be asked to do. Every parallel kernel ends in (begin, end, chunk, scratch): its share of the work.
export * from './convolution';
export * from './filter';
export * from './filterGradient';
export * from './padding';
export * from './tile';
export * from './winograd';
