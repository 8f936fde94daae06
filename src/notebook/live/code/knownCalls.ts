// What is known about calls to JavaScript's own functions and to this library: no parser can tell what a call does.

/** Functions that are known not to change their arguments. */
export const READERS =
  /^(?:console|JSON|Math|Number|String|Boolean|BigInt|Intl|performance)\b|^(?:structuredClone|isNaN|isFinite|parseInt|parseFloat|Date|Set|Map|Array|Error|RangeError|TypeError|RegExp)$|^Object\.(?:keys|values|entries|fromEntries|hasOwn|is)$|^Array\.(?:from|of|isArray)$|^process\.(?:stdout|stderr)\.write$|^sb\.(?:show|table|dataFrame|experiment|watch|watchAll|measure|compact|describeData|deriveSeed|save[dO]\w+|example\w+|result\w+|record\w+|\w+Table|\w+Histogram|accuracy\w+|penalty\w+|beside\w+)$/;

/** Functions that change their first argument. */
export const WRITERS =
  /^(?:Object\.(?:assign|defineProperty|defineProperties|setPrototypeOf)|Reflect\.(?:set|deleteProperty|defineProperty))$/;

/** Methods of arrays, strings and numbers that do not change them. */
export const READING_METHODS = new Set(
  'at concat endsWith entries flat has includes indexOf join keys lastIndexOf padEnd padStart repeat replace replaceAll slice split startsWith substring toExponential toFixed toLocaleString toLowerCase toPrecision toReversed toSorted toString toUpperCase trim values'.split(
    ' ',
  ),
);

/** Methods that return elements of the list that they are called on, or a new list of them. */
export const ELEMENT_METHODS = new Set(
  'at concat entries filter find findLast flat slice toReversed toSorted toSpliced values with'.split(' '),
);

/** Functions whose result holds the elements of their arguments. */
export const COPIES = /^(?:Object\.(?:assign|entries|freeze|fromEntries|seal|values)|Array\.(?:from|of))$/;

/** Constructors that keep nothing of their arguments. */
export const NOT_KEEPING = /Array$|Error$|^(?:Date|RegExp|Promise)$/;

/** Methods that run their callback before they return, do not keep it, and change nothing else. */
export const CALLBACK_METHODS = new Set(
  'every filter find findIndex findLast findLastIndex flatMap forEach from map reduce replace some toSorted'.split(' '),
);
