/** The traces of plotly's bundle for flat axes: a third of the full one in size, and in time to start. */
export const cartesianTraces: ReadonlySet<string> = new Set(
  'bar box contour heatmap histogram histogram2d histogram2dcontour image pie scatter scatterternary violin'.split(' '),
);
