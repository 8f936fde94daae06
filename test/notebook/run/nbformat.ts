import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';

// The schema of https://github.com/jupyter/nbformat. It is draft 4 but uses nothing that later drafts changed.
const schema = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'fixtures', 'nbformat.v4.5.schema.json'), 'utf8'),
) as Record<string, unknown>;
delete schema.$schema;
const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);

/** The errors of a notebook by Jupyter's schema of nbformat 4.5. */
export function schemaErrors(notebook: unknown): string[] {
  validate(notebook);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
