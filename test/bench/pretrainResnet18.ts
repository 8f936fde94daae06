// Trains the narrow ResNet-18 that notebook 04 starts from, in place of ImageNet weights, and saves its body beside the
// notebook in torchvision's naming: npm run pretrain:freeze-prune -- data=cifar10
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { deriveSeed, useBackend } from 'sparsebook/backend';
import { loadData, presentData } from 'sparsebook/data';
import { freezePruneResnet18, keepingBest } from 'sparsebook/experiments';
import { encodeSafetensors } from 'sparsebook/formats';
import { torchvisionTensors } from 'sparsebook/models';
import { readAssignments } from 'sparsebook/formats/text.js';
import { safetensorsFile } from 'sparsebook/compact/export/safetensors.js';
import { writeFileWholeSync } from 'sparsebook/platform/writeFile.js';
import { bestEpoch } from 'sparsebook/training';

const output = 'notebooks/outputs/04-freeze-prune-resnet18';
const { data: source = presentData(), epochs = '12' } = readAssignments(process.argv.slice(2));
const synthetic = source === 'synthetic';

const { description } = await useBackend({ backend: 'simd' });
// Images that the notebook does not see: other synthetic ones, or the half of CIFAR-10's that it does not train on.
const data = await loadData(source, {
  seed: deriveSeed(0, 'pre-training'),
  ...(synthetic ? { sizes: { train: 12000, validation: 1000, test: 1000 } } : {}),
});
const run = await freezePruneResnet18(data, {
  width: 0.125,
  half: synthetic ? 'all' : 'second',
  epochs: Number(epochs),
  batch_size: 64,
  lr: 4e-3,
  schedule: 'one-cycle',
  augment: !synthetic,
});
for await (const event of keepingBest(run)) {
  if (event.type === 'epoch') console.log(event.epoch + 1, event.train.accuracy, event.validation!.accuracy);
}
const file = join(output, `pretrained-${synthetic ? 'synthetic' : 'cifar10'}.safetensors`);
mkdirSync(output, { recursive: true });
const bytes = encodeSafetensors(torchvisionTensors(run.model), {
  data: data.name,
  images: String(run.data.train.labels.length),
  epochs,
  width: String(run.settings.width),
  validation: bestEpoch(run.history)!.validation!.accuracy.toFixed(4),
  machine: description,
});
writeFileWholeSync(file, bytes, safetensorsFile);
console.log(`saved ${file}, ${bytes.length} bytes`);
run.dispose();
