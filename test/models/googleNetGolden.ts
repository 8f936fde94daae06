// How the golden files name the parts of GoogleNet.

/** Position in the files' list of blocks and poolings, of our blocks 1 to 8. */
const positions = [0, 1, 3, 4, 5, 6, 8, 9];
const branchNames: Record<string, string> = { conv_1x1: '1x1', conv_3x3: '3x3', conv_5x5: '5x5', max_pool: 'pool' };
const normKeys: Record<string, string> = {
  weight: 'gamma',
  bias: 'beta',
  running_mean: 'movingMean',
  running_var: 'movingVariance',
};

/** `inception_blocks.3.max_pool.2.running_mean` is our `block3_pool_bn/movingMean`. */
export function ourWeightName(golden: string): string {
  const parts = golden.split('.');
  const key = parts.at(-1) ?? '';
  const conv = (name: string): string => `${name}_conv/${key === 'weight' ? 'kernel' : 'bias'}`;
  const norm = (name: string): string => `${name}_bn/${normKeys[key]}`;
  if (parts[0] === 'output_net') return `logits/${key === 'weight' ? 'kernel' : 'bias'}`;
  if (parts[0] === 'input_net') return parts[1] === '0' ? conv('stem') : norm('stem');
  const name = `block${positions.indexOf(Number(parts[1])) + 1}_`;
  if (key === 'qz_loga') return `${ourGateName(golden.slice(0, -'.qz_loga'.length))}/logAlpha`;
  const branch = name + branchNames[parts[2]];
  const index = Number(parts[3]);
  if (parts[2] === 'max_pool') return index === 1 ? conv(branch) : norm(branch);
  const reduced = parts[2] === 'conv_1x1' || index >= 3 ? branch : `${branch}_reduce`;
  return index % 3 === 0 ? conv(reduced) : norm(reduced);
}

/** `inception_blocks.3.conv_3x3_gate` is our `block3_3x3_gate`. */
export function ourGateName(golden: string): string {
  const [, position, gate] = golden.split('.');
  return `block${positions.indexOf(Number(position)) + 1}_${branchNames[gate.replace(/_gate$/, '')]}_gate`;
}

/** The layer whose output a probe looks at: the stem, a block or the pooling behind it. */
export function ourProbeName(golden: string): string {
  if (golden === 'input_net') return 'stem_bn';
  const position = Number(golden.split('.')[1]);
  const at = positions.indexOf(position);
  return at < 0 ? `pool${positions.indexOf(position - 1) + 1}` : `block${at + 1}_concat`;
}
