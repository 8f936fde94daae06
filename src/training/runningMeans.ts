/** Weighted means of several named values. */
export class RunningMeans<Name extends string> {
  private readonly sums = new Map<Name, number>();
  private weight = 0;

  /** Adds one value of each name, counted `weight` times. */
  add(values: Record<Name, number>, weight: number): void {
    this.weight += weight;
    for (const [name, value] of Object.entries(values) as [Name, number][]) {
      this.sums.set(name, (this.sums.get(name) ?? 0) + weight * value);
    }
  }

  /** The means so far. */
  values(): Record<Name, number> {
    return Object.fromEntries([...this.sums].map(([name, sum]) => [name, sum / this.weight])) as Record<Name, number>;
  }
}
