export { jupyterPath, packageRoot, projectJupyterPath, userDataDir } from './jupyterPaths.js';
export { commandOf, findKernelSpec, listKernelSpecs, type KernelSpec } from './kernelSpec.js';
