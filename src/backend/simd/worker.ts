// A thread of the simd backend in Node.
import { workerData } from 'node:worker_threads';
import { work, type ThreadData } from './thread.js';

work(workerData as ThreadData);
