// Recipes: how a network is trained, whatever the protocol.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExperimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import { identityOf } from 'sparsebook/experiments/run/identity.js';
import type { Protocol } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { recipeSchema } from 'sparsebook/experiments/recipe.js';
import { makeOptimizer } from 'sparsebook/training/optimizer.js';
import { settingsOf } from './settingsOf.ts';

test('the fast recipe changes how a network is trained, in any protocol, and explicit settings win', () => {
  const fast = { optimizer: 'muon', schedule: 'one-cycle', label_smoothing: 0.1, decay: 'kernels' };
  const cases: [keyof typeof protocols, string, object][] = [
    ['experiment', 'network=googlenet recipe=fast', { ...fast, augment: ['crop', 'alternating-flip'], tta: 'mirror' }],
    ['l0-googlenet', 'recipe=fast', { ...fast, augment: ['crop', 'alternating-flip'], normalise: 'pixels' }],
    ['l0-googlenet', 'recipe=fast lr=0.5 epochs=3 augment=false', { ...fast, lr: 0.5, epochs: 3, augment: [] }],
    ['l0-googlenet', 'recipe=fast lambda_l0=20 ckpt_path=x', { ...fast, progressive_resizing: [] }],
    ['repr-c3', 'recipe=fast', { ...fast, network: 'c3' }],
    ['ista-resnet20', 'recipe=fast checkpoint_version=0 label_smoothing=0', { ...fast, label_smoothing: 0 }],
    ['freeze-prune-resnet18', 'recipe=fast preset=quick', { ...fast, width: 0.125 }],
    [
      'experiment',
      'network=airbench recipe=fast',
      { ...fast, relative_lr: 0.17, label_smoothing: 0.2, tta: 'mirror-shift' },
    ],
    ['experiment', 'network=airbench recipe=fast ckpt_path=x', { lr: 0.003, relative_lr: null }],
    ['l0-googlenet', '', { recipe: 'own', optimizer: 'adamw', schedule: 'steps', tta: 'none' }],
    ['experiment', '', { optimizer: 'adamw', schedule: 'constant', tta: 'none' }],
  ];
  for (const [name, words, expected] of cases) {
    const protocol = protocols[name] as unknown as Protocol;
    const settings = protocol.experiment(settingsOf(name, ...words.split(' ').filter(Boolean))) as object;
    const found = Object.fromEntries(Object.keys(expected).map((key) => [key, (settings as never)[key]]));
    assert.deepEqual(found, expected, `${name} ${words}`);
  }
});

test("a recipe's settings for its own optimizer are dropped if another optimizer is chosen, so that the run can start", () => {
  const plain = { momentum: 0, nesterov: false, relative_lr: null };
  const cases: [string, object][] = [
    ['network=airbench recipe=fast optimizer=adamw', { ...plain, weight_decay: 0.3, batch_size: 1000 }],
    ['network=airbench recipe=fast optimizer=sgd', { relative_lr: null, momentum: 0.7 }],
    ['network=airbench recipe=fast lr=0', { relative_lr: null, momentum: 0.7 }],
    ['network=resnet18 recipe=published optimizer=adam', plain],
  ];
  for (const [words, expected] of cases) {
    const settings = settingsOf('experiment', ...words.split(' ')) as ExperimentSettings;
    const found = Object.fromEntries(Object.keys(expected).map((key) => [key, settings[key as never]]));
    assert.deepEqual(found, expected, words);
    const { optimizer: name, lr, momentum, nesterov, relative_lr, weight_decay, decay } = settings;
    const all = { name, lr, momentum, nesterov, relative_lr: relative_lr ?? undefined, weight_decay, decay };
    assert.doesNotThrow(() => makeOptimizer(all).dispose(), words);
  }
});

test('the published recipe of a network is the one in its document; a network without a document has none', () => {
  const cases = {
    googlenet: 'l0-googlenet',
    resnet20: 'ista-resnet20',
    c3: 'repr-c3',
    resnet18: 'freeze-prune-resnet18',
  } as const;
  for (const [network, document] of Object.entries(cases)) {
    const published = settingsOf('experiment', `network=${network}`, 'recipe=published') as object;
    const there = (protocols[document] as unknown as Protocol).experiment(settingsOf(document)) as object;
    for (const name of [...Object.keys(recipeSchema), 'bn_momentum']) {
      if (name !== 'recipe')
        assert.deepEqual((published as never)[name], (there as never)[name], `${network}: ${name}`);
    }
  }
  assert.throws(() => settingsOf('experiment', 'network=airbench', 'recipe=published'), {
    name: 'UserError',
    message: /recipe=published must be of a network that a document is about: googlenet, .*; received network=airbench/,
  });
});

test('a network whose batch norm takes no momentum refuses bn_momentum', () => {
  assert.equal((settingsOf('experiment', 'network=cnn4', 'bn_momentum=0.02') as never)['bn_momentum'], 0.02);
  assert.throws(() => settingsOf('experiment', 'network=googlenet', 'bn_momentum=0.02'), {
    name: 'UserError',
    message: /bn_momentum.*network=googlenet has a momentum of its own/,
  });
});

test('settings that were added later leave the identity of earlier runs unchanged', async () => {
  const settings = protocols.experiment.experiment(settingsOf('experiment'));
  const {
    tta: _,
    progressive_resizing: __,
    recipe: ___,
    cut_channels: ____,
    cut_probability: _____,
    ...earlier
  } = settings;
  assert.equal(await identityOf(settings, 'images'), await identityOf(earlier as ExperimentSettings, 'images'));
  const changed = { ...settings, progressive_resizing: [0.5] };
  assert.notEqual(await identityOf(settings, 'images'), await identityOf(changed, 'images'));
});
