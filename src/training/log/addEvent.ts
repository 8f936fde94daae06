/** Anything that says its type, such as a run's events. */
interface Typed {
  readonly type: string;
}

/**
 * Adds an event to those of a run so far. A run that resumes makes the steps behind its checkpoint again, and tells of them
 * again: where it starts, what was told of them before is taken out.
 */
export function addEvent<Event extends Typed>(events: Event[], event: Event): void {
  if (event.type === 'start') {
    const { startStep } = event as unknown as { startStep: number };
    const kept = events.filter((earlier) => !isBehind(earlier, startStep));
    events.splice(0, events.length, ...kept);
  }
  events.push(event);
}

function isBehind(event: Typed, step: number): boolean {
  return event.type === 'end' || ('step' in event && (event.step as number) > step);
}
