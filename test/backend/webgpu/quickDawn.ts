// Loaded before tests on SwiftShader: the results are the same and take two thirds of the processor time.
import { installDawn } from 'sparsebook/backend/webgpu/device.js';

// SwiftShader unrolls the zeroing of a workgroup's memory, entry by entry, so that matrix products take several times
// as long to compile. Without the extension Dawn writes a loop.
await installDawn(['disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension']);

// While Dawn waits, it polls at every turn of the event loop, on a core that SwiftShader's threads need.
const { setImmediate: atOnce } = globalThis;
const patient = (work: () => void, ...given: unknown[]): unknown =>
  String(work).includes('[native code]') ? setTimeout(work, 2) : atOnce(work, ...(given as []));
globalThis.setImmediate = Object.assign<object, object>(patient, atOnce) as typeof setImmediate;
