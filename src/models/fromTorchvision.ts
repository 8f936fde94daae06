const weights: Record<'conv' | 'bn', Record<string, string>> = {
  conv: { weight: 'kernel' },
  bn: { weight: 'gamma', bias: 'beta', running_mean: 'movingMean', running_var: 'movingVariance' },
};

/** A convolution or batch norm of torchvision's ResNets: conv1, bn1, or the same and downsample in a block of a layer. */
const pattern =
  /^(?:layer(?<stage>\d)\.(?<block>\d)\.)?(?:(?<kind>conv|bn)(?<part>[12])|downsample\.(?<shortcut>[01]))\.(?<weight>\w+)$/;

/**
 * The name of the weight of `resnet18` that torchvision (and timm) call `name`: `layer2.0.downsample.1.running_mean` is
 * `stage2_block1_projection_bn/movingMean`. Convolution kernels there are [out, in, H, W], here [H, W, in, out].
 *
 * Undefined for what our network does not have: the head `fc` and `num_batches_tracked`.
 */
export function fromTorchvision(name: string): string | undefined {
  const groups = pattern.exec(name)?.groups;
  if (!groups) return undefined;
  const { stage, block, kind, part, shortcut, weight } = groups as Record<string, string | undefined>;
  const layer = (kind ?? (shortcut === '0' ? 'conv' : 'bn')) as 'conv' | 'bn';
  const ours = weights[layer][weight ?? ''];
  if (!ours) return undefined;
  if (!stage) return part === '1' ? `stem_${layer}/${ours}` : undefined;
  const role = shortcut ? 'projection' : part === '1' ? 'first' : 'second';
  return `stage${stage}_block${Number(block) + 1}_${role}_${layer}/${ours}`;
}
