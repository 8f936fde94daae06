type Method = (...args: never[]) => unknown;

/** The names of an object's methods. */
type MethodName<T> = { [K in keyof T]: T[K] extends Method ? K : never }[keyof T];

type ParametersOf<T, K extends keyof T> = T[K] extends (...args: infer A) => unknown ? A : never;
type ReturnOf<T, K extends keyof T> = T[K] extends (...args: never[]) => infer R ? R : never;

/**
 * Replaces a method of a prototype. The replacement is given the object it is called on, the original method bound to
 * that object, and the arguments.
 */
export function replaceMethod<T extends object, K extends MethodName<T>>(
  prototype: T,
  name: K,
  replacement: (
    self: T,
    original: (...args: ParametersOf<T, K>) => ReturnOf<T, K>,
    ...args: ParametersOf<T, K>
  ) => ReturnOf<T, K>,
): void {
  const method = prototype[name] as (...args: ParametersOf<T, K>) => ReturnOf<T, K>;
  const replaced = function (this: T, ...args: ParametersOf<T, K>): ReturnOf<T, K> {
    return replacement(this, method.bind(this), ...args);
  };
  prototype[name] = replaced as T[K];
}
