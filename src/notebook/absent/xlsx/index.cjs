'use strict';
// danfojs-node requires `xlsx` (not on the package registry) for spreadsheets. Nothing here does; a call says so.
module.exports = new Proxy(
  {},
  {
    get(_target, key) {
      if (typeof key === 'symbol' || key === '__esModule') return undefined;
      throw new Error('spreadsheets are not installed with sparsebook: save the table as CSV and read that');
    },
  },
);
