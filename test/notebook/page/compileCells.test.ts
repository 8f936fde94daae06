import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageRoot } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { compileCells } from 'sparsebook/notebook/page/compileCells.js';

test('compile errors of a cell name no folder of the machine that made the page', async () => {
  const sources = [
    "import * as sb from 'sparsebook';\nsb.none();",
    "import './package.json.js';",
    "const p: '/a/b' = '/c';",
  ];
  const cells = sources.map((source, index) => ({ id: String(index), source, parameters: [] }));
  const faults = (await compileCells(packageRoot, cells)).map(({ fault }) => fault);
  assert.match(faults[0]!, /^it does not compile: .*'none' does not exist on type 'typeof import\("notebook"\)'$/);
  assert.match(faults[2]!, /'"\/c"' is not assignable to type '"\/a\/b"'$/);
  for (const fault of faults) assert.ok(!fault?.includes(packageRoot), fault);
});
