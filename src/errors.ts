/**
 * An error that a person can mend: its message states the rule, what was received and what to do. The command line
 * prints it without a stack trace.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}
