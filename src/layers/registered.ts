// Imports all our layer classes for their side effects: a topology names layers by class, and a class is registered
// where it is declared.
import './completeConfigs.js';
import './batchNorm.js';
import './biasMap.js';
import './conv2d.js';
import './gatedConv2d.js';
import './l0Gate.js';
import './maxPool2d.js';
import './quantized.js';
