import { defaultHardConcrete, type HardConcrete } from '../layers/hardConcrete.js';
import { colour, dash } from './theme.js';
import { number } from './words.js';

/** Which hard concrete distributions a figure draws: every log alpha with every temperature. */
export interface HardConcreteOptions {
  /** Locations, pure numbers; default -2, 0, 2. */
  logAlphas?: readonly number[];
  /** Temperatures beta, pure numbers above 0; default 2/3. */
  temperatures?: readonly number[];
}

/** One distribution and how a figure draws it. */
export interface HardConcreteCurve {
  logAlpha: number;
  shape: HardConcrete;
  name: string;
  line: { color: string; dash: string; width: number };
}

/** Every log alpha with every temperature: colour tells what there is more of, the line style tells the other. */
export function hardConcreteFamily(options: HardConcreteOptions): HardConcreteCurve[] {
  const logAlphas = options.logAlphas ?? [-2, 0, 2];
  const temperatures = options.temperatures ?? [defaultHardConcrete.temperature];
  return logAlphas.flatMap((logAlpha, a) =>
    temperatures.map((temperature, t) => ({
      logAlpha,
      shape: { ...defaultHardConcrete, temperature },
      name: `log α = ${number(logAlpha)}, β = ${number(temperature)}`,
      line:
        logAlphas.length > 1
          ? { color: colour(a), dash: dash(t), width: 2 }
          : { color: colour(t), dash: 'solid', width: 2 },
    })),
  );
}

/** n + 1 numbers from start to end, at equal distances. */
export function grid(start: number, end: number, n: number): number[] {
  return Array.from({ length: n + 1 }, (_, i) => start + ((end - start) * i) / n);
}
