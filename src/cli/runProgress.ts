import { stripVTControlCharacters } from 'node:util';
import { duration } from '../formats/text.js';
import { bar, StatusLine, type TextStream } from './statusLine.js';
import type { CellPlace, RunEvent } from '../notebook/run/events.js';
import { terminalText } from '../notebook/run/terminalText.js';

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
export function showProgress(stream: TextStream): Progress {
  return stream.isTTY ? changingLine(stream) : plainLines(stream);
}

function plainLines(stream: TextStream): Progress {
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'kernelReady') stream.write(`${event.kernel} is up after ${duration(event.seconds)}\n`);
    if (event.type !== 'cellEnd') return;
    const { number, total, title } = event.place;
    stream.write(`cell ${number} of ${total}: ${title} (${duration(event.seconds)}${event.fault ? ', failed' : ''})\n`);
  };
  return { onEvent, close: () => undefined };
}

function changingLine(stream: TextStream): Progress {
  const line = new StatusLine(stream);
  let place: CellPlace | undefined;
  let since = performance.now();
  let said = '';
  let timer: NodeJS.Timeout | undefined;
  const draw = (): void => {
    const time = duration((performance.now() - since) / 1000);
    const done = place ? (place.number - 1) / place.total : 0;
    const what = place ? `cell ${place.number} of ${place.total}: ${place.title}` : 'starting the kernel';
    line.show(`${bar(done)} ${what} · ${time}${said && ` · ${said}`}`);
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
    line.clear();
  };
  return { onEvent, close };
}
