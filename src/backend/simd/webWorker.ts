// A thread of the simd backend in a browser.
import { work, type ThreadData } from './thread.js';

const scope = globalThis as unknown as EventTarget;
scope.addEventListener('message', (event) => work((event as MessageEvent<ThreadData>).data), { once: true });
