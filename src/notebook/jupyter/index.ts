export { jupyterPath, packageRoot, projectJupyterPath, userDataDir } from './kernelSpec.js';
export { commandOf, findKernelSpec, listKernelSpecs, type KernelSpec } from './kernelSpec.js';
export { installKernel, uninstallKernel, type InstallOptions } from './installKernel.js';
export { findJupyter, jupyterEnvironment, startJupyter } from './startJupyter.js';
