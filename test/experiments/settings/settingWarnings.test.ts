import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactSchema } from 'sparsebook/cli/compact.js';
import { protocolSettings, type Protocol } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { settingWarnings, settle } from 'sparsebook/experiments/settings/settle.js';
import { givenInWords } from 'sparsebook/experiments/settings/written.js';

const experimentNamed = (name: string): Protocol => (protocols as unknown as Record<string, Protocol>)[name];
const [l0, ista, repr, prune] = ['l0-googlenet', 'ista-resnet20', 'repr-c3', 'freeze-prune-resnet18'];

/** The warnings about settings in a run of 5 epochs of 8 steps, unless the words set other epochs. */
function warnings(name: string, words: string, stepsPerEpoch = 8): string[] {
  const { schema, ...experiment } = experimentNamed(name);
  const settings = protocolSettings({ schema, ...experiment }, givenInWords(words.split(' ')));
  const epochs = Number(/(?:^| )epochs=(\d+)/.exec(words)?.[1] ?? 5);
  return settingWarnings(schema, settings, { epochs, steps: stepsPerEpoch * epochs, stepsPerEpoch });
}

test('settings that do not fit into a short run, or take effect too late in it, are warned of by name', () => {
  const cases: [string, string, RegExp | undefined][] = [
    [
      prune,
      'prune=0.3 unfreeze_epoch=5',
      /^unfreeze_epoch=5 comes after the last epoch, 4: what is pruned stays pruned/,
    ],
    [prune, 'prune=0.3 unfreeze_epoch=4', undefined],
    [
      prune,
      'prune=0.6 pruning.schedule=polynomial pruning.times=5',
      /^pruning.times=5 needs 6 epochs, and the run has 5: 4 of 5 .* 59.5 % are pruned, not 60 %/,
    ],
    [
      prune,
      'epochs=2 prune=0.6 pruning.schedule=iterative',
      /^pruning.times=3 needs 3 epochs, and the run has 2: 2 of 3 .* 45.7 % are pruned, not 60 %/,
    ],
    [prune, 'prune=0.6 pruning.schedule=iterative pruning.times=5', undefined],
    [prune, 'prune=0.6 pruning.schedule=polynomial pruning.times=4', undefined],
    [
      prune,
      'prune=0.6 pruning.schedule=iterative pruning.times=4 unfreeze_epoch=2',
      /^unfreeze_epoch=2 comes before the pruning of epoch 3: what is pruned from then on stays pruned/,
    ],
    [prune, 'prune=0.6 pruning.schedule=iterative pruning.times=3 unfreeze_epoch=2', undefined],
    [repr, 'S1=5', /^S1=5 is as long as the run of 5 epochs or longer: nothing is pruned/],
    [repr, 'S1=3 S2=3', /^S2=3 is not over when the run of 5 epochs ends: the filters that are off then stay off/],
    [repr, 'S1=2 S2=1', undefined],
    [repr, 'standard=true', undefined],
    [l0, 'milestones=2,5,9', /^milestones=\[2,5,9\] has 5, 9 after the last epoch, 4, where no learning rate changes/],
    [l0, 'milestones=4', undefined],
    [l0, 'preset=published', undefined],
    [l0, 'preset=published ckpt_path=x', undefined],
    [l0, 'preset=short epochs=10', /^milestones=\[8,12\] has 12 after/],
    [
      l0,
      'target_sparsity=0.5 lr_gates=0.1',
      /^target_sparsity=0.5 needs about 200 steps at lr_gates=0.1, and the run has 40/,
    ],
    [l0, 'target_sparsity=0.5 lr_gates=0.2', undefined],
    [
      l0,
      'target_sparsity=0.5 lr_gates=0.2 milestones=1,3',
      /^target_sparsity=0.5 needs about 100 steps at lr_gates=0.2, and the run has 40, which are as many as 10 by its schedule/,
    ],
    [l0, 'target_sparsity=0.5 lr_gates=0.2 milestones=4 lr_decay=1', undefined],
    [l0, 'target_sparsity=0.5 lr_gates=0.25 milestones=4', undefined],
    [l0, 'lr_gates=0', /^lr_gates=0 leaves every gate as it starts/],
    [repr, 'S1=2 S2=1 schedule=steps', /^schedule=steps has no milestones: the learning rates stay as they are/],
    [
      repr,
      'S1=2 S2=1 schedule=exponential decay_epochs=5',
      /^decay_epochs=5 is as long as the run of 5 epochs or longer/,
    ],
    [ista, 'log_frequency=41', /^log_frequency=41 is more than the run has, 40: its log has no line/],
    [ista, 'preset=published', undefined],
    [l0, 'checkpoints.best_from=5', /^checkpoints.best_from=5 comes after the last epoch, 4: any can be the best/],
    [l0, 'checkpoints.every_steps=41', /^checkpoints.every_steps=41 is more than the run has, 40/],
    [l0, 'checkpoints.every_epochs=6', /^checkpoints.every_epochs=6 is more than the run has, 5/],
    [l0, 'checkpoints.every_epochs=5 checkpoints.every_steps=40 checkpoints.best_from=4', undefined],
  ];
  for (const [name, words, wanted] of cases) {
    const found = warnings(name, words);
    assert.equal(found.length, wanted ? 1 : 0, `${name} ${words}: ${found.join('; ')}`);
    if (wanted) assert.match(found[0], wanted);
  }
});

test('in a run that ends within its first epoch no milestone slows the gates', () => {
  const words = 'target_sparsity=0.5 lr_gates=0.2 milestones=1,3'.split(' ');
  const settings = protocolSettings(experimentNamed(l0), givenInWords(words));
  const run = { epochs: 1, steps: 40, stepsPerEpoch: 100 };
  assert.deepEqual(
    settingWarnings(experimentNamed(l0).schema, settings, run).filter((text) => text.startsWith('target_sparsity')),
    [],
  );
});

test('presets make runs that are long enough for their settings', () => {
  for (const { name, presets } of Object.values(protocols)) {
    if (name === 'experiment') continue;
    for (const preset of Object.keys(presets)) {
      const { epochs } = protocolSettings(experimentNamed(name), givenInWords([`preset=${preset}`])) as unknown as {
        epochs?: number;
      };
      const words = epochs === undefined ? '' : ` epochs=${epochs}`;
      assert.deepEqual(warnings(name, `preset=${preset}${words}`, 100), [], preset);
    }
  }
});

test('a setting that has no effect beside the others is refused with the reason', () => {
  const cases: [string, string, RegExp][] = [
    [prune, 'prune=0 pruning.unit=channels', /pruning.unit=channels contradicts the other settings: nothing is pruned/],
    [prune, 'prune=0 pruning.schedule=iterative', /nothing is pruned/],
    [prune, 'prune=0.3 pruning.restore=true', /without unfreeze_epoch nothing that was pruned may move/],
    [prune, 'freeze_bn=false', /nothing is frozen/],
    [repr, 'zero_init=false repr.next_layer=zero', /zero_init=false .*: repr.next_layer=zero decides/],
    [l0, 'gates.unstructured=true gates.reduce=true', /the weights of every kernel have gates/],
    [l0, 'milestones=[] lr_decay=0.5', /lr_decay=0.5 .*: there are no milestones/],
    [ista, 'checkpoint_version=0 max_steps=9 faster=3', /faster=3 .*: max_steps=9 says how many there are/],
    [ista, 'checkpoint_version=0 l1_penalty=9 stronger=3', /stronger=3 .*: l1_penalty=9 says how large it is/],
    [l0, 'backend=cpu threads=2', /threads=2 .*: backend=cpu does not use it/],
    [l0, 'cut_probability=0.1', /cut_channels=false cuts nothing/],
    [
      l0,
      'cut_channels=true gates.unstructured=true',
      /cut_channels=true .*: gates on single weights close no channels/,
    ],
    [prune, 'cut_channels=true prune=0.3', /what is pruned is single weights, not channels/],
    [prune, 'cut_channels=true prune=0.3 pruning.unit=channels unfreeze_epoch=2', /may move from unfreeze_epoch on/],
    ['experiment', 'cut_channels=true', /methods must include l0 or magnitude/],
    ['experiment', 'cut_channels=true methods=l0,repr', /filters that RePr switches off come back/],
    ['experiment', 'cut_channels=true methods=ista', /a channel that ISTA closes may come back/],
    ['experiment', 'methods=repr,freeze', /RePr gives filters new values, and those of frozen kernels could not/],
    ['experiment', 'methods=ista,freeze', /ISTA shrinks gammas that freeze.batch_norm=true is to keep/],
    ['experiment', 'start.absorb=none', /start.compact=false removes none/],
    ['experiment', 'start.rewind=true methods=l0', /nothing is pruned by its weights/],
    ['experiment', 'start.rewind=true methods=magnitude', /nothing is pruned by its weights/],
    [
      'experiment',
      'start.compact=true start.rewind=true methods=magnitude magnitude.prune=0.5',
      /start.rewind=true starts with new weights for the whole network/,
    ],
    ['experiment', 'start.compact=true start.except=logits', /start.compact=true takes all layers from that network/],
    [
      'experiment',
      'start.rewind=true start.except=logits methods=magnitude magnitude.prune=0.5',
      /start.rewind=true starts all layers anew/,
    ],
    [
      'experiment',
      'cut_channels=true methods=magnitude magnitude.prune=0.2 magnitude.unit=channels cut_probability=0.1',
      /only gates have such a probability/,
    ],
  ];
  for (const [name, words, message] of cases) {
    const given = givenInWords(words.split(' '));
    assert.throws(() => protocolSettings(experimentNamed(name), given), { name: 'UserError', message }, words);
  }
  // Of ISTA's three versions only the last is compact: a setting for compaction contradicts nothing in the others.
  assert.ok(protocolSettings(experimentNamed(ista), givenInWords(['ista.absorb=none', 'ckpt_path=x'])));
  assert.throws(() => settle(compactSchema, givenInWords(['latency.batches=[]', 'latency.runs=3'])), {
    name: 'UserError',
    message: /latency.runs=3 .*: latency.batches=\[\] times nothing/,
  });
});
