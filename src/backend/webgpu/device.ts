// Where a WebGPU device comes from: the browser's own, or Dawn, which the npm package `webgpu` brings to Node.
import { UserError } from '../../errors.js';

/** The part of a GPUDevice that is used here. */
export interface Device {
  readonly limits: Readonly<Record<string, number>>;
  readonly lost: Promise<{ reason: string; message: string }>;
  pushErrorScope(filter: 'validation'): void;
  popErrorScope(): Promise<{ message: string } | null>;
  addEventListener(type: 'uncapturederror', listener: (event: { error: { message: string } }) => void): void;
  destroy(): void;
}

/** What describes an adapter. */
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

/** What a device is to have as much of as there is: tfjs's kernels ask for these, and sums for the last. */
const LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
  'maxStorageBuffersPerShaderStage',
];

/** A new device of the fastest adapter. Throws a UserError that says what is missing where there is none. */
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

/** The WebGPU of the browser, or else of Dawn. */
async function findGpu(): Promise<Gpu> {
  return (globalThis as { navigator?: { gpu?: Gpu } }).navigator?.gpu ?? installDawn();
}

/** Starts Dawn, with flags of its own, and puts its WebGPU where tfjs looks for it. Throws a UserError without it. */
export async function installDawn(flags: string[] = []): Promise<Gpu> {
  const dawn = await importOptional<Dawn>('webgpu');
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create(flags);
  // Node 20 has no navigator, and later ones' cannot be assigned to.
  const found = (globalThis as { navigator?: object }).navigator ?? {};
  const navigator = Object.defineProperty(found, 'gpu', { value: gpu, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  return gpu;
}

/**
 * An optional package. Its name stays out of bundles, which it would be a part of. Throws a UserError where it does not
 * load.
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
