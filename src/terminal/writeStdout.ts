import { UserError } from '../errors.js';

/** Writes to standard output and resolves when it is written; throws a UserError when nobody reads it any more. */
export async function writeStdout(text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => reject(new UserError(`cannot write to standard output: ${error.message}`));
    process.stdout.once('error', fail);
    process.stdout.write(text, (error) => {
      if (error) return fail(error);
      process.stdout.off('error', fail);
      resolve();
    });
  });
}
