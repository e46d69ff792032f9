// Numbers out of samples: median and spread, quantiles, a line through points with its confidence.

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: readonly number[];
}

export function summaryOf(samples: readonly number[]): Summary {
  const rounded = samples.map(significant);
  return {
    median: significant(quantile(samples, 0.5)),
    min: Math.min(...rounded),
    max: Math.max(...rounded),
    samples: rounded,
  };
}

/** Between the samples where it falls between two; NaN of none. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (below === undefined || above === undefined) return Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export interface Line {
  readonly slope: number;
  /** The 95 % bound from above. */
  readonly slopeMax: number;
}

/** Least squares; the bound by the normal distribution, for many points. */
export function lineThrough(points: readonly (readonly [number, number])[]): Line {
  const n = points.length;
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / n;
  const [meanX, meanY] = [mean(0), mean(1)];
  const squares = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const products = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const slope = products / squares;
  const left = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  const error = Math.sqrt(left / (n - 2) / squares);
  return { slope, slopeMax: slope + 1.96 * error };
}

/** Three digits that mean something, more where it is large. */
function significant(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4));
}
