// All layer classes of ours, for their effect: a topology names layers by their class, which is registered where it is
// declared.
import './completeConfigs.js';
import './batchNorm.js';
import './biasMap.js';
import './conv2d.js';
import './gatedConv2d.js';
import './l0Gate.js';
import './maxPool2d.js';
import './quantized.js';
