import type { DOMPurify, UponSanitizeAttributeHookEvent } from 'dompurify';

/** CSS properties that change how an output looks; none moves it over other parts of the page or loads anything. */
const properties =
  /^(color|background-color|opacity|text-align|text-decoration|text-transform|vertical-align|white-space|font|font-(weight|style|size|family|variant|variant-numeric)|line-height|letter-spacing|(min-|max-)?(width|height)|(margin|padding)(-(top|right|bottom|left))?|border(-(top|right|bottom|left))?(-(width|style|color))?|border-(collapse|spacing|radius)|display|gap|flex|flex-(direction|wrap|grow|shrink|basis)|align-items|justify-content|grid-template-columns|table-layout|overflow(-x|-y)?|fill|fill-opacity|stroke|stroke-(width|opacity|dasharray|linecap|linejoin)|stop-color|stop-opacity)$/;

/**
 * Plain words, numbers and colour functions: no quotes, escapes, slashes or colons, so that no address can be written.
 */
const value = /^(?:[\w\s#.,%+!-]|\b(?:rgba?|hsla?|calc|repeat|minmax|min|max)\(|\))*$/i;

/** Keeps the harmless declarations of a style attribute and drops the others. */
function safeStyle(style: string): string {
  return style
    .split(';')
    .map((declaration) => {
      const colon = declaration.indexOf(':');
      return [declaration.slice(0, colon).trim().toLowerCase(), declaration.slice(colon + 1).trim()] as const;
    })
    .filter(([property, text]) => properties.test(property) && text !== '' && value.test(text) && text.length < 200)
    .map(([property, text]) => `${property}: ${text}`)
    .join('; ');
}

const words = (list: string): string[] => list.trim().split(/\s+/);

// The elements of results: text, tables, simple vector drawings. Nothing that runs, loads, submits or plays.
const htmlTags =
  words(`a abbr b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption
  figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark meter ol p pre progress q rp rt ruby s samp section small span strong
  strike sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr #text`);
const svgTags = words(`svg g defs symbol use path rect circle ellipse line polyline polygon text tspan title desc
  linearGradient radialGradient stop clipPath mask pattern marker`);
const attributes =
  words(`class style id name title alt href src width height colspan rowspan scope align valign lang dir start
  reversed value max min low high optimum datetime open aria-label aria-hidden d x y x1 y1 x2 y2 cx cy r rx ry fx fy dx dy
  points transform viewBox fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray
  stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit opacity color font-family font-size font-weight
  font-style text-anchor dominant-baseline offset stop-color stop-opacity gradientUnits gradientTransform spreadMethod
  clip-path clip-rule clipPathUnits mask maskUnits patternUnits patternTransform markerWidth markerHeight markerUnits
  marker-start marker-mid marker-end refX refY orient preserveAspectRatio xmlns xlink:href`);

/** Classes that outputs may have; all others could imitate or break the look of the page around them. */
const outputClass =
  /^(dataframe|alert(-\w+)?|footnote[\w-]*|markdown-alert[\w-]*|task|scroll|displayed|sparsebook-[\w-]+)$/;
const imageAddress = /^data:image\/(png|jpeg|gif|webp|avif|svg\+xml);base64,[A-Za-z0-9+/=\s]+$/i;
const outside = /^(https?:|mailto:)/i;
/** A relative address. */
const beside = /^[\w.%~][^:\\]*$/;
/** Elements of which nothing is shown or played: their names replace them. */
const unshown = new Set(words('audio canvas embed iframe object video'));
const number = /^[-+\u2212]?[\d.,\s]*\d(e[-+]?\d+)?\s?%?$/i;
/**
 * The prefix that DOMPurify, and we, add to the names that texts and outputs give to their parts, so that none takes
 * the name of a part of the page.
 */
export const ownPrefix = 'user-content-';

function filterAttribute(tag: string, event: UponSanitizeAttributeHookEvent): void {
  const value = event.attrValue.trim();
  const set = (kept: string): void => {
    event.attrValue = kept;
    event.keepAttr = kept !== '';
  };
  switch (event.attrName) {
    case 'style':
      set(safeStyle(value));
      break;
    case 'class':
      // prettier-ignore
      set(words(value).filter((name) => outputClass.test(name)).join(' '));
      break;
    case 'name':
      set(tag === 'a' ? value : '');
      break;
    case 'src':
      set(tag === 'img' && imageAddress.test(value) ? value : '');
      break;
    case 'href':
    case 'xlink:href':
      if (value.startsWith('#')) set(`#${ownPrefix}${value.slice(1)}`);
      else set(tag === 'a' && (outside.test(value) || beside.test(value)) ? value : '');
      break;
    default:
      if (/\burl\s*\(|\\/i.test(value)) {
        const local = /^url\(\s*["']?#([\w-]+)["']?\s*\)$/.exec(value);
        set(local ? `url(#${ownPrefix}${local[1]})` : '');
      }
  }
}

/** Marks the cells that contain a number, and the headings of columns that contain only numbers. */
function markNumbers(table: HTMLTableElement): void {
  const rows = Array.from(table.rows, (row) => Array.from(row.cells));
  const isNumber = (cell: HTMLTableCellElement): boolean => number.test(cell.textContent?.trim() ?? '');
  const [heading = [], ...others] = rows;
  for (const cell of others.flat()) if (cell.localName === 'td' && isNumber(cell)) cell.classList.add('number');
  heading.forEach((cell, column) => {
    const below = others.flatMap((row) => row[column] ?? []);
    if (below.length > 0 && below.every((entry) => entry.localName === 'td' && isNumber(entry))) {
      cell.classList.add('number');
    }
  });
}

/**
 * Returns a function that removes from foreign HTML everything that could run, load from elsewhere, submit, or leave
 * its place on the page, and returns an element with the rest: ids renamed, headings of level 1 lowered, numbers
 * marked.
 */
export function sanitizer(purifier: DOMPurify): (html: string) => HTMLElement {
  purifier.addHook('uponSanitizeAttribute', (element, event) => {
    filterAttribute(element.nodeName.toLowerCase(), event);
  });
  purifier.addHook('uponSanitizeElement', (node, { tagName }) => {
    if (unshown.has(tagName)) node.parentNode?.insertBefore(node.ownerDocument!.createTextNode(`[${tagName}]`), node);
  });
  return (html) => {
    const body = purifier.sanitize(html, {
      ALLOWED_TAGS: [...htmlTags, ...svgTags],
      ALLOWED_ATTR: attributes,
      ALLOW_DATA_ATTR: false,
      ALLOW_ARIA_ATTR: false,
      SANITIZE_NAMED_PROPS: true,
      RETURN_DOM: true,
    }) as HTMLElement;
    tidy(body);
    return body;
  };
}

function tidy(body: HTMLElement): void {
  body.querySelectorAll('h1').forEach((heading) => {
    const lower = body.ownerDocument.createElement('h2');
    lower.append(...Array.from(heading.childNodes));
    heading.replaceWith(lower);
  });
  body.querySelectorAll('img').forEach((image) => {
    // An image from elsewhere would cause a request: its alternative text replaces it.
    if (!image.hasAttribute('src')) image.replaceWith(image.getAttribute('alt') ?? '');
    else if (!image.hasAttribute('alt')) image.setAttribute('alt', 'Image in an output');
  });
  body.querySelectorAll('a[name]').forEach((link) => {
    if (!link.hasAttribute('id')) link.setAttribute('id', link.getAttribute('name')!);
    link.removeAttribute('name');
  });
  body.querySelectorAll('a:not([href]):not([id])').forEach((link) => link.replaceWith(...Array.from(link.childNodes)));
  body.querySelectorAll('a[href]').forEach((link) => link.setAttribute('rel', 'noopener noreferrer'));
  body.querySelectorAll('table').forEach(markNumbers);
}
