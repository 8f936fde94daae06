type Json = Record<string, unknown>;

/** The plotly functions that a slider's step may call. */
type Command = 'restyle' | 'relayout' | 'update' | 'animate';
export type Commands = Record<Command, (place: HTMLElement, ...args: unknown[]) => Promise<unknown>>;

interface Step {
  label?: unknown;
  value?: unknown;
  method?: Command | 'skip';
  args?: unknown[];
}

interface Slider {
  active?: number;
  currentvalue?: { prefix?: unknown; suffix?: unknown };
  steps: Step[];
}

/** The margin below the axes of a figure in pixels, once its sliders are elsewhere. */
const marginBelow = 56;

const signs: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };

/** Converts a label, which plotly reads as a kind of HTML, to plain text. */
const asText = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number'
    ? String(value)
        .replace(/<[^<>]*>/g, '')
        .replace(/&(lt|gt|amp);/g, (sign) => signs[sign])
    : '';

function slidersOf({ sliders }: Json): Slider[] {
  if (!Array.isArray(sliders)) return [];
  return (sliders as (Partial<Slider> & { visible?: boolean })[]).filter(
    (slider): slider is Slider => slider?.visible !== false && Array.isArray(slider?.steps) && slider.steps.length > 0,
  );
}

/** A layout without its sliders and the space that it reserves for them. */
export function withoutSliders(layout: Json): Json {
  if (slidersOf(layout).length === 0) return layout;
  const { sliders: _, margin, height, ...kept } = layout;
  const below = Number((margin as Json | undefined)?.b ?? 0);
  const spare = Math.max(0, below - marginBelow);
  return {
    ...kept,
    margin: { ...(margin as Json | undefined), ...(spare > 0 && { b: marginBelow }) },
    ...(typeof height === 'number' && { height: height - spare }),
  };
}

interface Shown {
  /** The figure's sliders as JSON. */
  said: string;
  group: HTMLElement;
  /** Applies the positions of the sliders to the figure after it was drawn again. */
  again(): Promise<void>;
}

const shown = new WeakMap<HTMLElement, Shown>();

/**
 * Shows the sliders of a drawn figure as the browser's own, below it: these are as wide as the page, can be moved by
 * keyboard and have names, while plotly's are shapes that only a pointer can move. A figure that is drawn again keeps
 * the positions of its sliders.
 */
export async function showSliders(plotly: Commands, place: HTMLElement, layout: Json): Promise<void> {
  const sliders = slidersOf(layout);
  const said = JSON.stringify(sliders);
  const before = shown.get(place);
  if (before?.said === said) return before.again();
  before?.group.remove();
  if (sliders.length === 0) return void shown.delete(place);
  const group = document.createElement('div');
  group.className = 'sliders';
  group.setAttribute('role', 'group');
  group.setAttribute('aria-label', 'Sliders of this figure');
  const rows = sliders.map((slider, index) => sliderRow(plotly, place, slider, index));
  group.append(...rows.map(({ row }) => row));
  (place.closest('.scroll') ?? place).after(group);
  const again = async (): Promise<void> => {
    for (const { moved, apply } of rows) if (moved()) await apply();
  };
  shown.set(place, { said, group, again });
}

function sliderRow(
  plotly: Commands,
  place: HTMLElement,
  { active = 0, currentvalue = {}, steps }: Slider,
  index: number,
): { row: HTMLElement; moved: () => boolean; apply: () => Promise<void> } {
  const row = document.createElement('label');
  const name = document.createElement('span');
  const input = document.createElement('input');
  const value = document.createElement('output');
  const prefix = asText(currentvalue.prefix).replace(/[\s:=]+$/, '');
  name.textContent = prefix || `slider ${index + 1}`;
  Object.assign(input, { type: 'range', min: '0', max: String(steps.length - 1), step: '1', value: String(active) });
  const say = (): void => {
    const { label, value: own } = steps[input.valueAsNumber];
    value.textContent = (asText(label ?? own) || `step ${input.value}`) + asText(currentvalue.suffix);
    input.setAttribute('aria-valuetext', value.textContent);
  };
  const apply = async (): Promise<void> => {
    const { method = 'restyle', args = [] } = steps[input.valueAsNumber];
    // Plotly modifies its arguments.
    if (method !== 'skip') await plotly[method](place, ...structuredClone(args));
    const { alt } = ((place as HTMLElement & { layout?: Json }).layout?.meta ?? {}) as Json;
    if (typeof alt === 'string') place.setAttribute('aria-label', alt);
  };
  input.addEventListener('input', () => {
    say();
    apply().catch((error: unknown) => {
      // Plotly rejects with undefined if the next frame overtook this one.
      if (error !== undefined) throw error;
    });
  });
  // A figure that plays moves its slider.
  const events = place as HTMLElement & { on?(event: string, listener: (event: { name?: string }) => void): void };
  events.on?.('plotly_animatingframe', ({ name: frame }) => {
    const at = steps.findIndex(({ method, args }) => method === 'animate' && [args?.[0]].flat().includes(frame));
    if (at < 0) return;
    input.value = String(at);
    say();
  });
  say();
  row.append(name, input, value);
  return { row, moved: () => input.valueAsNumber !== active, apply };
}
