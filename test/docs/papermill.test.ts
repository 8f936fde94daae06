// The translator in docs/papermill.md, exactly as printed, and how our kernel runs the code it writes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sharedKernel } from '../notebook/kernel/cells.ts';
import { temporaryFolder } from '../training/checkpoint/sample.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'papermill.md'), 'utf8');
const [, translator] = /^```python\n(.*?)^```$/ms.exec(page)!;

/** The part of papermill on which the translator builds, as far as papermill documents it. */
const standIn = `
class Translator:
    @classmethod
    def comment(cls, cmt_str):
        raise NotImplementedError

    @classmethod
    def translate(cls, val):
        raise NotImplementedError

    @classmethod
    def assign(cls, name, str_val):
        return f"{name} = {str_val}"

    @classmethod
    def codify(cls, parameters, comment="Parameters"):
        lines = [cls.comment(comment), *(cls.assign(name, cls.translate(val)) for name, val in parameters.items())]
        return "".join(f"{line}\\n" for line in lines)

class PapermillTranslators:
    def __init__(self):
        self._translators = {}

    def register(self, language, translator):
        self._translators[language] = translator

    def find_translator(self, kernel_name, language):
        return self._translators.get(kernel_name) or self._translators[language]

papermill_translators = PapermillTranslators()

def translate_parameters(kernel_name, language, parameters, comment="Parameters"):
    return papermill_translators.find_translator(kernel_name, language).codify(parameters, comment)
`;

const script = `
import json, sys
import papermill_typescript
from papermill.translators import translate_parameters
kernel, language, parameters = json.loads(sys.argv[1])
sys.stdout.write(translate_parameters(kernel, language, parameters))
`;

const python = (words: string[], PYTHONPATH = ''): ReturnType<typeof spawnSync> =>
  spawnSync('python3', words, { encoding: 'utf8', env: { ...process.env, PYTHONPATH, PYTHONIOENCODING: 'utf-8' } });
const missing = python(['--version']).status !== 0 && 'there is no python3';

const { execute } = sharedKernel();

test('papermill writes parameters that are valid TypeScript, with the same values', { skip: missing }, async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'papermill_typescript.py'), translator);
  if (python(['-c', 'import papermill.translators']).status !== 0) {
    mkdirSync(join(folder, 'papermill'));
    writeFileSync(join(folder, 'papermill', '__init__.py'), '');
    writeFileSync(join(folder, 'papermill', 'translators.py'), standIn);
  }
  const translated = (kernel: string, language: string, parameters: object): ReturnType<typeof spawnSync> =>
    python(['-c', script, JSON.stringify([kernel, language, parameters])], folder);

  const values = {
    backend: 'cpu',
    note: 'a "quote", a \\ and a\nline: naïve 😀 \u2028',
    rate: 1e-7,
    epochs: -3,
    most: 9007199254740992,
    augment: true,
    checkpoint: null,
    sizes: [1, 2.5, []],
    optimizer: { name: 'sgd', 'weight decay': 0 },
  };
  const { stdout, stderr } = translated('tslab', 'typescript', values);
  assert.match(String(stdout), /^\/\/ Parameters\nconst backend: any = "cpu";\n/, String(stderr));
  assert.equal(translated('another', 'typescript', values).stdout, stdout);
  await execute('const backend = "auto", epochs = 6;');
  assert.equal((await execute(String(stdout))).traceback(), '');
  const cell = `if (backend === 'auto' || epochs === 6) throw new Error('as before');
console.log(JSON.stringify({ ${Object.keys(values).join(', ')} }));`;
  const heard = await execute(cell);
  assert.equal(heard.traceback(), '');
  assert.deepEqual(JSON.parse(heard.stdout()), values);

  const inexact = python(
    ['-c', script.replace('json.loads(sys.argv[1])', '["tslab", "", {"id": [9007199254740993]}]')],
    folder,
  );
  assert.notEqual(inexact.status, 0);
  assert.match(String(inexact.stderr), /no exact value for the parameter \[9007199254740993\]/);
});
