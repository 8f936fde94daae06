/** One trace of a plotly figure: its type and that type's attributes. */
export interface Trace {
  type: string;
  [attribute: string]: unknown;
}

/** A plotly layout. `meta.alt` says in one sentence or two what the figure shows, for those who cannot see it. */
export interface Layout {
  title: { text: string; [attribute: string]: unknown };
  height: number;
  meta: { alt: string };
  [attribute: string]: unknown;
}

/**
 * A figure as plain plotly JSON, ready for `Plotly.newPlot(element, data, layout)`.
 *
 * The type is our own and small on purpose: a notebook's compiler reads it with every cell, and plotly's runs to
 * thousands of lines.
 */
export interface Figure {
  data: Trace[];
  layout: Layout;
}
