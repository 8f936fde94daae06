import { test } from 'node:test';
import { checkSaid, type Said, sharedKernel } from './cells.ts';

const { execute } = sharedKernel();

const cases: Record<string, Said> = {
  'what a later cell assigns is seen by the functions of the cell that declares it': [
    [
      'let rate = 1, [low, { high }] = [2, { high: 3 }];\nvar value = 4;\nconst seen = () => [rate, low, high, value].join();',
      '',
    ],
    ['rate = 5; rate++; [low] = [7]; ({ high } = { high: 8 }); value += 5;\nseen()', '6,7,8,9'],
    ['for (rate of [10, 11]);\nrate + seen()', '1111,7,8,9'],
    ['let late = 0;\nconst timer = setInterval(() => { late++; }, 1);', ''],
    ['await new Promise((resolve) => setTimeout(resolve, 50));\nclearInterval(timer);\nlate > 1', 'true'],
    ['late = -1;\nlate', '-1'],
  ],
  'a variable that has no value yet is one of its cell all the same': [
    ['let total: number;\nvar seen: number | undefined;\nconst add = () => (seen = total += 1);', ''],
    ['total = 5;\nadd();\n[total, seen].join()', '6,6'],
    ['seen = 8;\nadd() + total', '14'],
    ['let total: number | undefined;\nconst empty = () => total === undefined;', ''],
    ['[empty(), total === undefined].join()', 'true,true'],
  ],
  'what a cell only describes is a global variable, in later cells too': [
    [
      'declare const process: { pid: number };\ndeclare global { var shared: number; }\nglobalThis.shared = 4;\nshared',
      '4',
    ],
    ['typeof process.pid + shared', 'number4'],
    ['shared = 5;\nglobalThis.shared', '5'],
  ],
  'what a later cell declares anew is another variable': [
    ['let again = 1;\nconst first = () => again, next = () => again++;', ''],
    ['let again = "text";\n[first(), next(), next(), again].join()', '1,1,2,text'],
    ['again = "longer";\n[first(), again].join()', '3,longer'],
  ],
};

for (const [title, cells] of Object.entries(cases)) test(title, () => checkSaid(execute, cells));
