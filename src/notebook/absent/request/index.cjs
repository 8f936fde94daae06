'use strict';
// danfojs-node requires `request` (deprecated) to read files over HTTP. Nothing here does; a call says so.
module.exports = function request() {
  throw new Error('reading over HTTP is not installed with sparsebook: download the file and read it from disk');
};
