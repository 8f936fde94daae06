import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'sparsebook/errors.js';
import { flag, listOf, number, oneOf, orNull, text, wholeNumber } from 'sparsebook/rules.js';
import type { Schema } from 'sparsebook/experiments/settings/schema.js';
import { fuzzRuns } from '../../fuzz.ts';
import { givenIn, settingWords, settle } from 'sparsebook/experiments/settings/settle.js';
import { givenInFile, givenInWords, settingsText } from 'sparsebook/experiments/settings/written.js';

interface Oven {
  kind: 'gas' | 'wood';
  heat: number;
  goal: number;
  loaves: number;
  pauses: number[];
  note: string | null;
  door: { open: boolean; angle: number };
}

const oven: Schema<Oven> = {
  kind: { default: 'gas', rule: oneOf('gas', 'wood'), help: 'what burns' },
  heat: { default: 1.5, rule: number({ above: 0, max: 10 }), help: 'how hot it is' },
  goal: { default: ({ heat }) => 2 * heat, rule: number(), help: 'how hot it should be' },
  loaves: { default: 4, rule: wholeNumber({ min: 1 }), help: 'how many loaves there are' },
  pauses: { default: [5, 10], rule: listOf(wholeNumber({ min: 0 })), help: 'minutes at which to look' },
  note: { default: null, rule: orNull(text('a text'), 'none'), help: 'what to remember' },
  door: {
    open: { default: false, rule: flag, help: 'whether the door is open' },
    angle: {
      default: 0,
      rule: number({ min: 0, below: 180 }),
      help: 'how far',
      conflict: ({ door }) => (door.open ? undefined : 'door.open=false keeps the door shut'),
    },
  },
};

const folder = mkdtempSync(join(tmpdir(), 'sparsebook-settings-'));
after(() => rmSync(folder, { recursive: true }));

function file(content: string): string {
  const path = join(folder, 'oven.yaml');
  writeFileSync(path, content);
  return path;
}

const fromWords = (...words: string[]): Oven => settle(oven, givenInWords(words));
const fromFile = async (content: string): Promise<Oven> => settle(oven, await givenInFile(file(content)));
const defaults: Oven = {
  kind: 'gas',
  heat: 1.5,
  goal: 3,
  loaves: 4,
  pauses: [5, 10],
  note: null,
  door: { open: false, angle: 0 },
};

test('missing settings have their defaults, including defaults that follow other settings', () => {
  assert.deepEqual(settle(oven, []), defaults);
  assert.equal(fromWords('heat=4').goal, 8);
  assert.equal(fromWords('heat=4', 'goal=1').goal, 1);
});

test('given values win over the base, and later ones over earlier ones', () => {
  const given = [...givenIn({ heat: 2, door: { open: true } }), ...givenInWords(['heat=3', 'door.angle=90'])];
  const settings = settle(oven, given, givenIn({ heat: 5, loaves: 7 }));
  assert.deepEqual(settings, { ...defaults, heat: 3, goal: 6, loaves: 7, door: { open: true, angle: 90 } });
});

test('words are read as the setting requires', () => {
  assert.deepEqual(fromWords('pauses=[1, 2]').pauses, [1, 2]);
  assert.deepEqual(fromWords('pauses=1,2').pauses, [1, 2]);
  assert.deepEqual(fromWords('pauses=7').pauses, [7]);
  assert.deepEqual(fromWords('pauses=[]').pauses, []);
  assert.equal(fromWords('heat=1e-3').heat, 0.001);
  assert.equal(fromWords('note=null').note, null);
  for (const note of ['12', 'true', 'a # b', 'a: b', "it's", '[x', '/some where/a=b', '*x', '!y z', '1,2']) {
    assert.equal(fromWords(`note=${note}`).note, note);
  }
});

test("a wrong word is refused with its rule, the word received, and the setting's description", () => {
  const cases: [string, string][] = [
    ['kind=coal', 'kind must be one of gas, wood; received coal. It is what burns.'],
    ['heat=0', 'heat must be a number above 0 and at most 10; received 0. It is how hot it is.'],
    ['heat=10.1', 'heat must be a number above 0 and at most 10; received 10.1. It is how hot it is.'],
    ['heat=.nan', 'heat must be a number above 0 and at most 10; received .nan. It is how hot it is.'],
    ['goal=.inf', 'goal must be a number; received .inf. It is how hot it should be.'],
    ['heat=', 'heat must be a number above 0 and at most 10; received . It is how hot it is.'],
    ['note=', 'note must be a text, or null for none; received . It is what to remember.'],
    ['loaves=2.5', 'loaves must be a whole number of at least 1; received 2.5. It is how many loaves there are.'],
    ['loaves=1e300', 'loaves must be a whole number of at least 1; received 1e300. It is how many loaves there are.'],
    [
      'pauses=1,-2',
      'pauses must be a list, each a whole number of at least 0; received 1,-2. It is minutes at which to look.',
    ],
    [
      'pauses=[1',
      'pauses must be a list, each a whole number of at least 0; received [1. It is minutes at which to look.',
    ],
    ['door.open=yes', 'door.open must be true or false; received yes. It is whether the door is open.'],
    ['door=true', 'door is a group; set door.open, door.angle.'],
    ['door.angle=9', 'door.angle=9 contradicts the other settings: door.open=false keeps the door shut.'],
    [
      'haet=2',
      "There is no setting 'haet'; did you mean 'heat'? All: kind, heat, goal, loaves, pauses, note, door.open, door.angle.",
    ],
    [
      'door.opne=true',
      "There is no setting 'door.opne'; did you mean 'door.open'? All: kind, heat, goal, loaves, pauses, note, door.open, door.angle.",
    ],
    [
      'constructor=1',
      "There is no setting 'constructor'; did you mean 'note'? All: kind, heat, goal, loaves, pauses, note, door.open, door.angle.",
    ],
  ];
  for (const [word, message] of cases) {
    assert.throws(() => fromWords(word), { name: 'UserError', message: message }, word);
  }
  assert.throws(() => fromWords('heat'), { name: 'UserError', message: /written key=value/ });
  assert.throws(() => fromWords('heat=1', 'heat=2'), {
    name: 'UserError',
    message: "'heat' must be given once; received it twice",
  });
});

test('a value from code is not parsed like a word', () => {
  for (const given of [
    { heat: '2' },
    { pauses: '1,2' },
    { note: 12 },
    { loaves: NaN },
    { kind: undefined, door: null },
  ]) {
    assert.throws(() => settle(oven, givenIn(given)), UserError, JSON.stringify(given));
  }
  assert.deepEqual(settle(oven, givenIn({ heat: undefined })), defaults);
});

test('a file can have groups, dotted names, lists and comments', async () => {
  assert.deepEqual(await fromFile('# nothing\n'), defaults);
  const settings = await fromFile(
    'kind: wood # best\nheat: 2\ngoal: 2\npauses: [1]\ndoor:\n  open: true\n  angle: 9\n',
  );
  assert.deepEqual(settings, {
    ...defaults,
    kind: 'wood',
    heat: 2,
    goal: 2,
    pauses: [1],
    door: { open: true, angle: 9 },
  });
  assert.equal((await fromFile('door.open: true\n')).door.open, true);
});

test('a wrong file is refused with its name and the line', async () => {
  const cases: [string, RegExp][] = [
    ['kind: gas\n\nheat: 0\n', /oven\.yaml, line 3: heat must be a number above 0 and at most 10; received 0\./],
    ['heat: "2"\n', /line 1: heat must be .*; received "2"\./],
    ['heat: 2\ndoor:\n  opne: true\n', /line 3: There is no setting 'door\.opne'; did you mean 'door\.open'\?/],
    ['door: 3\n', /line 1: door is a group; set door\.open, door\.angle\./],
    ['heat:\n  low: 1\n', /line 2: There is no setting 'heat\.low'/],
    ['door:\n  angle: 9\n', /line 2: door\.angle=9 contradicts the other settings: door\.open=false keeps/],
    ['heat: 1\nheat: 2\n', /line 2: this is not YAML: Map keys must be unique/],
    ['heat: 1\n  bad\n x: [', /oven\.yaml, line \d: this is not YAML: /],
    ['heat: 1\ngoal: *nowhere\n', /oven\.yaml, line 2: \*nowhere stands for a value elsewhere; write/],
    ['door: &x {open: *x}\n', /line 1: \*x stands for/],
    ['just words\n', /line 1: settings must be lines of the form "name: value"/],
    ['- heat\n', /line 1: settings must be lines of the form "name: value"/],
    ['heat: 1\n---\nheat: 2\n', /line 2: this is not YAML: .*multiple documents/],
    ['? [a]\n: 1\n', /line 1: There is no setting '\["a"\]'/],
  ];
  for (const [content, message] of cases)
    await assert.rejects(fromFile(content), { name: 'UserError', message }, content);
  const missing = join(folder, 'missing.yaml');
  await assert.rejects(givenInFile(missing), { name: 'UserError', message: /missing\.yaml cannot be read: ENOENT/ });
  await assert.rejects(givenInFile(folder), { name: 'UserError', message: /cannot be read: EISDIR/ });
});

test('printed settings describe themselves and read back as the same, in a file and as words', async () => {
  const settings = fc.record({
    kind: fc.constantFrom('gas' as const, 'wood' as const),
    heat: fc.double({ min: 0.001, max: 10, noNaN: true }),
    goal: fc.double({ noNaN: true, noDefaultInfinity: true }),
    loaves: fc.integer({ min: 1 }),
    pauses: fc.array(fc.nat(), { maxLength: 4 }),
    note: fc.option(fc.string({ minLength: 1 }).filter((note) => note !== 'null')),
    door: fc.record({ open: fc.constant(true), angle: fc.double({ min: 0, max: 179, noNaN: true }) }),
  });
  await fc.assert(
    fc.asyncProperty(settings, async (some) =>
      assert.deepEqual(plain(await fromFile(settingsText(oven, some))), plain(some)),
    ),
    { numRuns: 100 },
  );
  const some = { ...defaults, note: 'x', pauses: [1, 2] };
  assert.deepEqual(fromWords(...settingWords(oven, some)), some);
  assert.match(settingsText(oven, defaults), /^# what burns \(one of gas, wood\)\nkind: gas\n# how hot it is \(/);
  assert.match(settingsText(oven, defaults), /\n {2}# angle: not used, as door\.open=false keeps the door shut\n/);
});

/** Users see no difference between -0 and 0. */
const plain = (settings: Oven): unknown => JSON.parse(JSON.stringify(settings));

test('whatever is given, the settings keep their rules or a UserError says why not', async () => {
  const word = fc.oneof(
    fc
      .tuple(fc.constantFrom('heat', 'loaves', 'pauses', 'note', 'door', 'door.open', '__proto__'), fc.string())
      .map((w) => w.join('=')),
    fc.string(),
  );
  const check = (read: () => Oven): void => {
    try {
      const settings = read();
      assert.ok(settings.heat > 0 && settings.heat <= 10 && Number.isInteger(settings.loaves));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  };
  fc.assert(
    fc.property(fc.array(word, { maxLength: 3 }), (words) => check(() => fromWords(...words))),
    { numRuns: fuzzRuns(1000) },
  );
  const content = fc.oneof(
    fc.string(),
    fc.array(word.map((w) => w.replace('=', ': '))).map((lines) => lines.join('\n')),
  );
  await fc.assert(
    fc.asyncProperty(content, async (text) => {
      const given = await givenInFile(file(text)).catch((error: unknown) => error as Error);
      if (given instanceof Error) assert.ok(given instanceof UserError, String(given.stack));
      else check(() => settle(oven, given));
    }),
    { numRuns: fuzzRuns(300) },
  );
});
