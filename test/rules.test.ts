import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Adam,
  iterative,
  MaxPool2d,
  oneShot,
  polynomial,
  randomBrightness,
  randomContrast,
  randomPaddedCrop,
  randomResizedCrop,
  Sgd,
  syntheticImages,
} from 'sparsebook/index.js';
import { check, listOf, number, oneOf, wholeNumber, type Rule } from 'sparsebook/rules.js';

test('a value that breaks its rule is refused with its name, the rule and the value received', () => {
  const refused: [unknown, Rule<unknown>, string][] = [
    [-1, number({ min: 0 }), 'x must be a number of at least 0; received -1.'],
    [NaN, number({ above: 0, below: 1 }), 'x must be a number above 0 and below 1; received NaN.'],
    [Infinity, number(), 'x must be a number; received Infinity.'],
    [1.5, wholeNumber({ min: 1 }), 'x must be a whole number of at least 1; received 1.5.'],
    ['3', wholeNumber(), "x must be a whole number; received '3'."],
    [undefined, number(), 'x must be a number; received undefined.'],
    ['c', oneOf('a', 'b'), "x must be one of a, b; received 'c'."],
    [[1, 'two'], listOf(number()), 'x must be a list, each a number; received [1,"two"].'],
  ];
  for (const [value, rule, message] of refused) {
    assert.throws(() => check('x', value, rule), { name: 'UserError', message });
  }
  check('x', 0, number({ min: 0 }));
});

test('functions and layers refuse arguments out of range by name when they are called, not during training', () => {
  const calls: [() => unknown, RegExp][] = [
    [() => new Adam({ betas: [0.9, 1] }), /^betas\[1\] must be a number of at least 0 and below 1; received 1\.$/],
    [() => new Adam({ eps: -1e-8 }), /^eps must be a number of at least 0; received -1e-8\.$/],
    [() => new Sgd({ momentum: 1 }), /^momentum must be a number of at least 0 and below 1; received 1\.$/],
    [() => new Sgd({ lr: Infinity }), /^lr must be a number of at least 0; received Infinity\.$/],
    [
      () => new MaxPool2d({ poolSize: 0, name: 'p' }),
      /^p: poolSize must be a whole number of at least 1; received 0\.$/,
    ],
    [
      () => new MaxPool2d({ poolSize: 2, strides: 1.5, name: 'p' }),
      /^p: strides must be a whole number.* received 1\.5\.$/,
    ],
    [() => oneShot(-0.1), /^amount must be a share of at least 0 .*; received -0\.1\.$/],
    [() => oneShot(0.1, 1.5), /^epoch must be a whole number of at least 0; received 1\.5\.$/],
    [() => iterative(0.2, { times: 0 }), /^times must be a whole number of at least 1; received 0\.$/],
    [() => iterative(0.2, { times: 2, every: 0 }), /^every must be a whole number of at least 1; received 0\.$/],
    [() => polynomial(1, { end: 4 }), /^amount must be a number of at least 0 and below 1; received 1\.$/],
    [() => polynomial(0.5, { begin: 4, end: 4 }), /^end must be a whole number above 4; received 4\.$/],
    [() => randomPaddedCrop(-1), /^padding must be a whole number of at least 0; received -1\.$/],
    [() => randomPaddedCrop(4, 'white' as 'black'), /^border must be one of black, reflect; received 'white'\.$/],
    [() => randomBrightness(NaN), /^most must be a number of at least 0; received NaN\.$/],
    [() => randomContrast(0.5, 0.2), /^high must be a number of at least 0\.5; received 0\.2\.$/],
    [
      () => randomResizedCrop({ scale: [0.8, 1.2], ratio: [1, 1] }),
      /^scale\[1\] must be .* at most 1; received 1\.2\.$/,
    ],
    [
      () => randomResizedCrop({ scale: [0.8, 1], ratio: [0, 1] }),
      /^ratio\[0\] must be a number above 0; received 0\.$/,
    ],
    [() => syntheticImages(-1, 0), /^count must be a whole number of at least 0; received -1\.$/],
  ];
  for (const [call, message] of calls) assert.throws(call, { name: 'UserError', message });
});
