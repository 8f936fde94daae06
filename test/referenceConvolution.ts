// tfjs's plain cpu backend sums a convolution in float32, which at GoogleNet's depth is enough to turn some ReLU input
// round, and takes half a minute for its gradients. These three kernels sum in float64 in straight loops instead.
import * as tf from '@tensorflow/tfjs';

interface Geometry {
  info: tf.backend_util.Conv2DInfo;
  /** Calls visit(offset in x, offset in the filter, offset in y) for every window position inside the image. */
  each: (visit: (x: number, filter: number, y: number) => void) => void;
}

interface Attributes {
  strides: number;
  pad: number | 'same' | 'valid';
  inputShape: [number, number, number, number];
  filterShape: [number, number, number, number];
}

type FourD = [number, number, number, number];

function geometry(xShape: FourD, filterShape: FourD, { strides, pad }: Attributes): Geometry {
  const info = tf.backend_util.computeConv2DInfo(xShape, filterShape, strides, 1, pad);
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = info;
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
  const each: Geometry['each'] = (visit) => {
    for (let n = 0; n < batchSize; n++) {
      for (let oy = 0; oy < outHeight; oy++) {
        for (let ox = 0; ox < outWidth; ox++) {
          const y = ((n * outHeight + oy) * outWidth + ox) * outChannels;
          for (let ky = 0; ky < filterHeight; ky++) {
            const iy = oy * strideHeight + ky - padInfo.top;
            if (iy < 0 || iy >= inHeight) continue;
            for (let kx = 0; kx < filterWidth; kx++) {
              const ix = ox * strideWidth + kx - padInfo.left;
              if (ix < 0 || ix >= inWidth) continue;
              const filter = (ky * filterWidth + kx) * inChannels * outChannels;
              visit(((n * inHeight + iy) * inWidth + ix) * inChannels, filter, y);
            }
          }
        }
      }
    }
  };
  return { info, each };
}

type Inputs = Record<'x' | 'filter' | 'dy', tf.TensorInfo>;
type Kernel = (inputs: Inputs, attributes: Attributes, values: (t: tf.TensorInfo) => Float32Array) => Summed;
interface Summed {
  shape: number[];
  sums: Float64Array;
}

const forward: Kernel = ({ x, filter }, attributes, values) => {
  const { info, each } = geometry(x.shape as FourD, filter.shape as FourD, attributes);
  const [xs, fs, sums] = [values(x), values(filter), new Float64Array(tf.util.sizeFromShape(info.outShape))];
  each((x0, f0, y0) => {
    for (let c = 0; c < info.inChannels; c++, f0 += info.outChannels) {
      const v = xs[x0 + c];
      for (let o = 0; o < info.outChannels; o++) sums[y0 + o] += v * fs[f0 + o];
    }
  });
  return { shape: info.outShape, sums };
};

const backpropFilter: Kernel = ({ x, dy }, attributes, values) => {
  const { info, each } = geometry(x.shape as FourD, attributes.filterShape, attributes);
  const [xs, ds, sums] = [values(x), values(dy), new Float64Array(tf.util.sizeFromShape(info.filterShape))];
  each((x0, f0, y0) => {
    for (let c = 0; c < info.inChannels; c++, f0 += info.outChannels) {
      const v = xs[x0 + c];
      for (let o = 0; o < info.outChannels; o++) sums[f0 + o] += v * ds[y0 + o];
    }
  });
  return { shape: info.filterShape, sums };
};

const backpropInput: Kernel = ({ dy, filter }, attributes, values) => {
  const { info, each } = geometry(attributes.inputShape, filter.shape as FourD, attributes);
  const [ds, fs, sums] = [values(dy), values(filter), new Float64Array(tf.util.sizeFromShape(info.inShape))];
  each((x0, f0, y0) => {
    for (let c = 0; c < info.inChannels; c++, f0 += info.outChannels) {
      let sum = 0;
      for (let o = 0; o < info.outChannels; o++) sum += fs[f0 + o] * ds[y0 + o];
      sums[x0 + c] += sum;
    }
  });
  return { shape: info.inShape, sums };
};

/** Makes the cpu backend of this process convolve in float64, and switches to it. */
export async function useReferenceConvolution(): Promise<void> {
  await tf.setBackend('cpu');
  const kernels = { Conv2D: forward, Conv2DBackpropFilter: backpropFilter, Conv2DBackpropInput: backpropInput };
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    tf.unregisterKernel(kernelName, 'cpu');
    tf.registerKernel({
      kernelName,
      backendName: 'cpu',
      kernelFunc: ({ inputs, attrs, backend }) => {
        const cpu = backend as tf.MathBackendCPU;
        const values = (t: tf.TensorInfo): Float32Array => cpu.data.get(t.dataId).values as Float32Array;
        const { shape, sums } = kernel(inputs as Inputs, attrs as unknown as Attributes, values);
        return cpu.makeTensorInfo(shape, 'float32', Float32Array.from(sums));
      },
    });
  }
}
