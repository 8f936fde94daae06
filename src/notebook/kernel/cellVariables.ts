/** What one cell sets. */
export interface CellScope {
  /** The object that the cell's script sets its variables in. */
  exports: object;
  /** Takes the accessors of those variables that may be assigned to. */
  bind: (accessors: object) => void;
  /** The names that the cell has got to. */
  reached: ReadonlySet<string>;
  /** The cell has come to its end: what it declares without a value is there, for others to assign. */
  end: () => void;
}

/**
 * The variables of all cells. A variable stays in the cell that declares it, and other cells read and assign it by its
 * name: so its functions see what is assigned. One that a later cell declares anew is that cell's from then on.
 */
export class CellVariables {
  /** By name; behind them are the global ones, which a cell may describe (`declare const`) for later cells. */
  readonly values = Object.create(globalThis) as Record<string, unknown>;
  private readonly owners = new Map<string, CellScope>();

  /** A place for a cell that declares these names. */
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
      // What a cell imports, and TypeScript's mark of a module.
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

/** The code of an object of accessors for variables of these names. */
export function accessorsOf(names: readonly string[]): string {
  const accessors = names.map((name) => {
    const value = name === 'value' ? 'given' : 'value';
    return `get ${name}() { return ${name}; }, set ${name}(${value}) { ${name} = ${value}; }`;
  });
  return `{ ${accessors.join(', ')} }`;
}

/** A variable of the kernel after the cell that ran last, as `variables_reply` tells of it. */
export interface Variable {
  name: string;
  /** TypeScript's, where a declaration has it. */
  type: string;
  /** Of a tensor, a typed array, a table. */
  shape?: number[];
  /** How many entries it has: of a list, a map, a text. */
  size?: number;
  /** The memory that it holds, where that is known. */
  bytes?: number;
  /** The value in one short line. */
  text: string;
}
