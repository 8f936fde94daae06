import { stripVTControlCharacters } from 'node:util';
import type { CellPlace, RunEvent } from './events.js';
import { terminalText } from './terminalText.js';

const BAR_WIDTH = 20;

/** Seconds as a person reads them: 4.2 s, 3:07 min, 1:02:03 h. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)} min`;
  return `${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)} h`;
}

/** The part of a terminal stream that progress needs. */
export type ProgressStream = Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean; columns?: number };

export interface Progress {
  /** The listener for the run's events. */
  onEvent: (event: RunEvent) => void;
  /** Leaves the terminal clean; to be called however the run ended. */
  close: () => void;
}

/**
 * Shows a run on a terminal as one line that changes (bar, cell n of m, its title, its time, what it last said), and
 * anywhere else as one plain line for each cell that is done.
 */
export function showProgress(stream: ProgressStream): Progress {
  return stream.isTTY ? changingLine(stream) : plainLines(stream);
}

function plainLines(stream: ProgressStream): Progress {
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'kernelReady') stream.write(`${event.kernel} is up after ${duration(event.seconds)}\n`);
    if (event.type !== 'cellEnd') return;
    const { number, total, title } = event.place;
    stream.write(`cell ${number} of ${total}: ${title} (${duration(event.seconds)}${event.fault ? ', failed' : ''})\n`);
  };
  return { onEvent, close: () => undefined };
}

function changingLine(stream: ProgressStream): Progress {
  let place: CellPlace | undefined;
  let since = performance.now();
  let said = '';
  let timer: NodeJS.Timeout | undefined;
  const draw = (): void => {
    const time = duration((performance.now() - since) / 1000);
    const done = place ? (place.number - 1) / place.total : 0;
    const filled = Math.round(done * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const what = place ? `cell ${place.number} of ${place.total}: ${place.title}` : 'starting the kernel';
    const line = `${bar} ${what} · ${time}${said && ` · ${said}`}`;
    stream.write(
      `\r\x1b[K${Array.from(line)
        .slice(0, (stream.columns ?? 80) - 1)
        .join('')}`,
    );
  };
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'start') {
      timer = setInterval(draw, 200).unref();
      draw();
    } else if (event.type === 'cellStart') {
      place = event.place;
      since = performance.now();
      said = '';
      draw();
    } else if (event.type === 'message' && event.message.header.msg_type === 'stream') {
      const text = stripVTControlCharacters(terminalText(String(event.message.content.text)));
      said = text.trimEnd().split('\n').at(-1)?.trim() ?? said;
    }
  };
  const close = (): void => {
    clearInterval(timer);
    stream.write('\r\x1b[K');
  };
  return { onEvent, close };
}
