// Runs ONNX files with onnxruntime's WebAssembly build, the reference for what they mean.
import * as ort from 'onnxruntime-web';
import * as tf from '@tensorflow/tfjs';

ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

/** The first output of an ONNX file for a batch of inputs. */
export async function runOnnx(file: Uint8Array, images: tf.Tensor): Promise<{ shape: number[]; values: Float32Array }> {
  const session = await ort.InferenceSession.create(file);
  const input = new ort.Tensor('float32', images.dataSync<'float32'>(), images.shape);
  const { [session.outputNames[0]]: output } = await session.run({ [session.inputNames[0]]: input });
  const values = (output.data as Float32Array).slice();
  await session.release();
  return { shape: [...output.dims], values };
}
