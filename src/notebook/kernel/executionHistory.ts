import type { MessageContent } from './wire.js';

/** What was executed, as `history_request` asks for it. There is one session, number 0. */
export class ExecutionHistory {
  private readonly entries: { count: number; code: string }[] = [];

  /** Notes down what is executed. */
  add(count: number, code: string): void {
    this.entries.push({ count, code });
  }

  /** The answer to a request: the last ones, a range of counts, or those that match a pattern with `*` and `?`. */
  answer({ hist_access_type, n, start, stop, pattern, unique, output }: MessageContent): MessageContent {
    let found = this.entries;
    if (hist_access_type === 'range') {
      const last = typeof stop === 'number' ? stop : Infinity;
      found = found.filter(({ count }) => count >= Number(start ?? 0) && count < last);
    } else if (hist_access_type === 'search') {
      const matcher = globMatcher(typeof pattern === 'string' ? pattern : '*');
      found = found.filter(({ code }) => matcher.test(code));
      if (unique) found = [...new Map(found.map((entry) => [entry.code, entry])).values()];
    }
    if (hist_access_type !== 'range' && typeof n === 'number') found = n > 0 ? found.slice(-n) : [];
    const history = found.map(({ count, code }) => [0, count, output ? [code, null] : code]);
    return { status: 'ok', history };
  }
}

function globMatcher(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`);
}
