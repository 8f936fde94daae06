// Runs ONNX files with onnxruntime's WebAssembly build, the reference for what they mean.
import * as ort from 'onnxruntime-web';
import * as tf from '@tensorflow/tfjs';

ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

/** One output of a network. */
export interface Output {
  shape: number[];
  values: Float32Array;
}

/** All outputs of an ONNX file for the given inputs, in order. */
export async function outputsOfOnnx(file: Uint8Array, inputs: tf.Tensor[]): Promise<Output[]> {
  const session = await ort.InferenceSession.create(file);
  const feeds = inputs.map((input, i): [string, ort.Tensor] => [
    session.inputNames[i],
    new ort.Tensor(input.dtype as 'float32', input.dataSync<'float32'>(), input.shape),
  ]);
  const results = await session.run(Object.fromEntries(feeds));
  const outputs = session.outputNames.map((name) => {
    const { dims, data } = results[name];
    return { shape: [...dims], values: (data as Float32Array).slice() };
  });
  await session.release();
  return outputs;
}

/** The first output of an ONNX file for a batch of images. */
export async function runOnnx(file: Uint8Array, images: tf.Tensor): Promise<Output> {
  const [first] = await outputsOfOnnx(file, [images]);
  return first;
}
