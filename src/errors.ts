/**
 * An error that a user can fix: its message states the rule, what was received and what to do. The command line prints
 * it without a stack trace.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** The message of an error, whatever was thrown. */
export function reasonOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message || error.name : String(error);
  } catch {
    return 'an error that cannot be shown';
  }
}
