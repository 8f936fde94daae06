import * as tf from '@tensorflow/tfjs';

const weights: Record<'conv' | 'bn', Record<string, string>> = {
  conv: { kernel: 'weight' },
  bn: { gamma: 'weight', beta: 'bias', movingMean: 'running_mean', movingVariance: 'running_var' },
};

const pattern =
  /^(?:stem|stage(?<stage>\d)_block(?<block>\d)_(?<role>first|second|projection))_(?<kind>conv|bn)\/(?<weight>\w+)$/;

/** The name that torchvision and timm have for a weight of `resnet18`; undefined for the head's. The reverse of `fromTorchvision`. */
export function toTorchvision(name: string): string | undefined {
  const groups = pattern.exec(name)?.groups as Record<string, string | undefined> | undefined;
  if (!groups) return undefined;
  const { stage, block, role } = groups;
  const kind = groups.kind as 'conv' | 'bn';
  const theirs = weights[kind][groups.weight!];
  if (!stage) return `${kind}1.${theirs}`;
  const at = `layer${stage}.${Number(block) - 1}`;
  if (role === 'projection') return `${at}.downsample.${kind === 'conv' ? 0 : 1}.${theirs}`;
  return `${at}.${kind}${role === 'first' ? 1 : 2}.${theirs}`;
}

/**
 * The body of a `resnet18` as torchvision and timm name it, kernels turned to [out, in, H, W], for `encodeSafetensors`:
 * what `fillFromTorchvision` reads. The head is left out.
 */
export function torchvisionTensors(model: tf.LayersModel): Map<string, { shape: number[]; values: Float32Array }> {
  return new Map(
    model.weights.flatMap((weight) => {
      const name = toTorchvision(weight.originalName);
      if (name === undefined) return [];
      return tf.tidy(() => {
        const values = weight.read();
        const theirs = values.rank === 4 ? values.transpose([3, 2, 0, 1]) : values;
        return [[name, { shape: theirs.shape, values: theirs.dataSync<'float32'>().slice() }] as const];
      });
    }),
  );
}
