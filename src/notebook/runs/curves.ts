import { join } from 'node:path';
import { reasonOf } from '../../errors.js';
import { LogTail } from '../../training/log/followRun.js';
import { runFiles, type LoggedEvent } from '../../training/log/readRun.js';
import { figureNames, type Points, type RunCurves } from './protocol.js';

const MOST_POINTS = 500;

/** A curve of at most 500 points, however many are added: each is the mean of as many neighbours as necessary. */
export class ThinCurve {
  private points: { x: number; y: number; count: number }[] = [];
  private stride = 1;

  add(x: number, y: number): void {
    const { points, stride } = this;
    const last = points.at(-1);
    if (last && last.count < stride) points[points.length - 1] = joined(last, { x, y, count: 1 });
    else points.push({ x, y, count: 1 });
    if (points.length <= MOST_POINTS) return;
    const pairs = Array.from({ length: Math.ceil(points.length / 2) }, (_, i) => points.slice(2 * i, 2 * i + 2));
    this.points = pairs.map(([first, second]) => (second ? joined(first, second) : first));
    this.stride *= 2;
  }

  /** Removes the points after x: a run that is resumed from its checkpoint makes them again. */
  cutBehind(x: number): void {
    this.points = this.points.filter((point) => point.x <= x);
    this.stride = Math.max(1, ...this.points.map(({ count }) => count));
  }

  get all(): Points {
    return { x: this.points.map(({ x }) => x), y: this.points.map(({ y }) => y) };
  }
}

type Point = Record<'x' | 'y' | 'count', number>;

function joined(a: Point, b: Point): Point {
  const count = a.count + b.count;
  const share = b.count / count;
  return { x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y), count };
}

/** The curves of a run, read from its log as it grows. */
export class LoggedCurves {
  private readonly tail: LogTail;
  private readonly curves = {
    validation: new ThinCurve(),
    loss: new ThinCurve(),
    sparsity: new ThinCurve(),
    speed: new ThinCurve(),
  };
  private stepsPerEpoch = 1;
  private fault?: string;

  constructor(dir: string) {
    this.tail = new LogTail(join(dir, runFiles.metrics));
  }

  /** Reads what is new in the log; returns whether anything is. */
  async read(): Promise<boolean> {
    // Nothing is read after a damaged line.
    if (this.fault !== undefined) return false;
    let grown = false;
    try {
      for await (const events of this.tail.read()) {
        grown = true;
        for (const event of events) this.take(event);
      }
    } catch (error) {
      this.fault = reasonOf(error);
    }
    return grown || this.fault !== undefined;
  }

  /** The points so far. */
  get all(): Omit<RunCurves, 'version'> {
    const points = figureNames.map((name) => [name, this.curves[name].all]);
    return { points: Object.fromEntries(points) as RunCurves['points'], fault: this.fault };
  }

  private take(event: LoggedEvent): void {
    const { validation, loss, sparsity, speed } = this.curves;
    if (event.type === 'start') {
      this.stepsPerEpoch = event.stepsPerEpoch;
      for (const curve of Object.values(this.curves)) curve.cutBehind(event.startStep / event.stepsPerEpoch);
    } else if (event.type === 'step') {
      loss.add(event.step / this.stepsPerEpoch, event.loss);
      speed.add(event.step / this.stepsPerEpoch, event.imagesPerSecond);
    } else if (event.type === 'epoch') {
      if (event.validation) validation.add(event.epoch + 1, event.validation.accuracy);
      const { channels = 0, closed, weightSparsity } = event.sparsity ?? {};
      const share = channels > 0 ? closed / channels : weightSparsity;
      if (share !== undefined) sparsity.add(event.epoch + 1, share);
    }
  }
}
