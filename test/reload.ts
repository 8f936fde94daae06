// Saves a model to memory and loads it back, as a file or a browser would.
import * as tf from '@tensorflow/tfjs';

export async function reload(model: tf.LayersModel): Promise<tf.LayersModel> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler((saved) => {
      artifacts = JSON.parse(JSON.stringify(saved)) as tf.io.ModelArtifacts;
      artifacts.weightData = saved.weightData;
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
    }),
  );
  return tf.loadLayersModel(tf.io.fromMemory(artifacts!));
}
