// Loaded before golden tests on SwiftShader: the same values in two thirds of the processor's time.
import { importOptional } from 'sparsebook/backend/webgpu/device.js';

const { create, globals } = await importOptional<{ create: (flags: string[]) => object; globals: object }>('webgpu');
// SwiftShader unrolls the zeroing of a workgroup's memory, entry by entry: matrix products take several times as long
// to compile. Without the extension Dawn writes a loop for it.
const gpu = create(['disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension']);
Object.assign(globalThis, globals);
// Node 20 has no navigator, and later ones' cannot be assigned to.
const found = (globalThis as { navigator?: object }).navigator ?? {};
const navigator = Object.defineProperty(found, 'gpu', { value: gpu, configurable: true });
Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });

// While Dawn waits, it asks again at every turn of the event loop, on a core that SwiftShader's threads need.
const { setImmediate: atOnce } = globalThis;
const patient = (work: () => void, ...given: unknown[]): unknown =>
  String(work).includes('[native code]') ? setTimeout(work, 2) : atOnce(work, ...(given as []));
globalThis.setImmediate = Object.assign<object, object>(patient, atOnce) as typeof setImmediate;
