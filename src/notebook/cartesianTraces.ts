/** The trace types of plotly's cartesian bundle, which has a third of the full bundle's size and start time. */
export const cartesianTraces: ReadonlySet<string> = new Set(
  'bar box contour heatmap histogram histogram2d histogram2dcontour image pie scatter scatterternary violin'.split(' '),
);
