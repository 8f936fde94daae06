/** The variables of one cell. */
export interface CellScope {
  /** The object in which the cell's script sets its variables. */
  exports: object;
  /** Takes the accessors of those variables that may be assigned to. */
  bind: (accessors: object) => void;
  /** The names whose declarations the cell has reached. */
  reached: ReadonlySet<string>;
  /**
   * Called when the cell has run to its end: other cells can then assign the variables that it declares without a
   * value.
   */
  end: () => void;
}

/**
 * The variables of all cells. A variable stays in the cell that declares it; other cells read and assign it by name, so
 * that functions of its cell see the assigned values. A variable that a later cell redeclares belongs to that cell from
 * then on.
 */
export class CellVariables {
  /** By name; they inherit from the global variables, which a cell may describe (`declare const`) for later cells. */
  readonly values = Object.create(globalThis) as Record<string, unknown>;
  private readonly owners = new Map<string, CellScope>();

  /** Creates the scope of a cell that declares these names. */
  scope(declares: readonly string[]): CellScope {
    const own = new Set(declares);
    const reached = new Set<string>();
    let bound: object = {};
    const define = (name: string, property: PropertyDescriptor): void => {
      reached.add(name);
      this.owners.set(name, scope);
      Object.defineProperty(this.values, name, { ...property, configurable: true, enumerable: true });
    };
    const accessorOf = (name: string): PropertyDescriptor | undefined => Object.getOwnPropertyDescriptor(bound, name);
    const exports = new Proxy(this.values, {
      set: (values, key, value: unknown) => {
        const name = String(key);
        if (!own.has(name)) {
          const isGlobal = !Object.hasOwn(values, name) && name in globalThis;
          return Reflect.set(isGlobal ? globalThis : values, name, value);
        }
        const accessor = accessorOf(name);
        if (!reached.has(name)) define(name, accessor ?? { value, writable: true });
        else if (!accessor && this.owners.get(name) === scope) values[name] = value;
        return true;
      },
      // Called for what a cell imports, and for TypeScript's mark of a module.
      defineProperty: (_values, name, property) => {
        if (name !== '__esModule') define(String(name), property);
        return true;
      },
    });
    const end = (): void => {
      for (const name of own) if (!reached.has(name) && accessorOf(name)) define(name, accessorOf(name)!);
    };
    const scope: CellScope = { exports, reached, bind: (accessors) => (bound = accessors), end };
    return scope;
  }
}

/** Returns the code of an object with an accessor for each variable of these names. */
export function accessorsOf(names: readonly string[]): string {
  const accessors = names.map((name) => {
    const value = name === 'value' ? 'given' : 'value';
    return `get ${name}() { return ${name}; }, set ${name}(${value}) { ${name} = ${value}; }`;
  });
  return `{ ${accessors.join(', ')} }`;
}

/** A variable of the kernel after the last cell that ran, as `variables_reply` describes it. */
export interface Variable {
  name: string;
  /** TypeScript's type if a declaration states it, else the name of the value's class or kind. */
  type: string;
  /** The shape of a tensor or a table. */
  shape?: number[];
  /** How many entries a tensor, list, typed array, map or set has. */
  size?: number;
  /** The memory that it holds, if known. */
  bytes?: number;
  /** The value in one short line. */
  text: string;
}
