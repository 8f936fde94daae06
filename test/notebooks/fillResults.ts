// Writes what the records say between the marks of README.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { filled } from './results.ts';

const text = filled(readFileSync('README.md', 'utf8'));
writeFileSync('README.md', await format(text, { ...(await resolveConfig('README.md')), filepath: 'README.md' }));
