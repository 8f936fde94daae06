// Gets a WebGPU device: the browser's own, or Dawn's, which the npm package `webgpu` brings to Node.
import { UserError } from '../../errors.js';

/** The parts of a GPUDevice that are used here. */
export interface Device {
  readonly limits: Readonly<Record<string, number>>;
  readonly lost: Promise<{ reason: string; message: string }>;
  pushErrorScope(filter: 'validation'): void;
  popErrorScope(): Promise<{ message: string } | null>;
  addEventListener(type: 'uncapturederror', listener: (event: { error: { message: string } }) => void): void;
  destroy(): void;
}

/** The description of an adapter. */
export interface AdapterInfo {
  vendor?: string;
  architecture?: string;
  device?: string;
  description?: string;
}

interface Adapter {
  readonly limits: Readonly<Record<string, number>>;
  readonly info?: AdapterInfo;
  requestDevice(wanted: { requiredLimits: Record<string, number> }): Promise<Device>;
}

interface Gpu {
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<Adapter | null>;
}

interface Dawn {
  create(flags: string[]): Gpu;
  globals: object;
}

/** Limits to request at the adapter's maximum: tfjs's kernels need these, and sums the last one. */
const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
  'maxStorageBuffersPerShaderStage',
];

/** Returns a new device of the fastest adapter. Throws a UserError that says what is missing if there is none. */
export async function requestDevice(): Promise<{ device: Device; info: AdapterInfo }> {
  const adapter = await (await findGpu()).requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new UserError(
      `The backend 'webgpu' needs a graphics driver (Vulkan, Metal or Direct3D) that it can compute with and found none. ` +
        `Install one, or choose backend 'simd'.`,
    );
  }
  const requiredLimits = Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]]));
  return { device: await adapter.requestDevice({ requiredLimits }), info: adapter.info ?? {} };
}

/** Returns the browser's WebGPU, or else Dawn's. */
async function findGpu(): Promise<Gpu> {
  return (globalThis as { navigator?: { gpu?: Gpu } }).navigator?.gpu ?? installDawn();
}

/** Starts Dawn with Dawn's own flags, and puts its WebGPU where tfjs looks for it. Throws a UserError without it. */
export async function installDawn(flags: string[] = []): Promise<Gpu> {
  const dawn = await importOptional<Dawn>('webgpu');
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create(flags);
  // Node 20 has no navigator, and the one in later versions cannot be assigned to.
  const found = (globalThis as { navigator?: object }).navigator ?? {};
  const navigator = Object.defineProperty(found, 'gpu', { value: gpu, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  return gpu;
}

/**
 * Imports an optional package. The name is passed as a value so that bundlers do not include the package. Throws a
 * UserError if it does not load.
 */
export function importOptional<Package>(name: string): Promise<Package> {
  return (import(name) as Promise<Package>).catch((cause: Error) => {
    throw new UserError(
      `The backend 'webgpu' needs the package '${name}', which does not load: ${cause.message.split('\n')[0]}. ` +
        `Run 'npm install' without --omit=optional, or choose backend 'simd'.`,
      { cause },
    );
  });
}
