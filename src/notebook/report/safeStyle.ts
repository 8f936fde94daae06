/** Properties that change how an output reads, none that moves it over other parts of the page or loads anything. */
const properties =
  /^(color|background-color|opacity|text-align|text-decoration|text-transform|vertical-align|white-space|font|font-(weight|style|size|family|variant|variant-numeric)|line-height|letter-spacing|(min-|max-)?(width|height)|(margin|padding)(-(top|right|bottom|left))?|border(-(top|right|bottom|left))?(-(width|style|color))?|border-(collapse|spacing|radius)|display|gap|flex|flex-(direction|wrap|grow|shrink|basis)|align-items|justify-content|grid-template-columns|table-layout|overflow(-x|-y)?|fill|fill-opacity|stroke|stroke-(width|opacity|dasharray|linecap|linejoin)|stop-color|stop-opacity)$/;

/** Plain words, numbers and colour functions: no quotes, escapes, slashes or colons, so that no address can be written. */
const value = /^(?:[\w\s#.,%+!-]|\b(?:rgba?|hsla?|calc|repeat|minmax|min|max)\(|\))*$/i;

/** Keeps the declarations of a style attribute that are harmless; the others are dropped. */
export function safeStyle(style: string): string {
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
