import { childrenOf, isCast, parse, separated, statementsOf, type SyntaxNode } from '../../run/syntax.js';
import {
  blockOf,
  callsSomething,
  definitionsIn,
  held,
  isPattern,
  isPlain,
  isShorthand,
  isWrapper,
  namesBelow,
  plainDefinitions,
  root,
  targetsOf,
} from './definitions.js';
import {
  CALLBACK_METHODS,
  COPIES,
  ELEMENT_METHODS,
  NOT_KEEPING,
  READERS,
  READING_METHODS,
  WRITERS,
} from './knownCalls.js';

/** The names through which a piece of code depends on other code, and other code on it. */
export interface CellNames {
  declares: Set<string>;
  uses: Set<string>;
  assigns: Set<string>;
  /** Names whose value it changes, or may change, from within: it sets their properties or calls their methods. */
  mutates: Set<string>;
  /** Names that it passes to a call that may change its arguments: no parser can know. */
  passes: Set<string>;
}

/** A statement of a cell with its names; each part of `const a = 1, b = 2` counts as a statement. */
export interface Statement extends CellNames {
  source: string;
  /** The names that it passes to functions that the notebook may declare, by the functions' names. */
  hands: Map<string, Set<string>>;
  /**
   * Names of which it sets a part directly, including imports and functions that return the object: `get().part = 1`.
   */
  writes: Set<string>;
  /** The parameters of the functions written in it. */
  parameters: Set<string>;
  /**
   * Pairs of a holder and what it may hold: `[list, a]` for `const list = [a]`; two names of an object hold each other.
   */
  aliases: [string, string][];
  /** Whether it declares a function or something that holds one: code that mentions it may run what is written here. */
  runsLater: boolean;
  /** Whether what it declares never changes from within: an import, a function, a constant with a plain value. */
  fixed: boolean;
  /** Whether it is fixed, and gives the same whenever it runs on the same values: it calls nothing. */
  pure: boolean;
}

const KINDS = ['declares', 'uses', 'assigns', 'mutates', 'passes'] as const;

export function statementsIn(cell: string): Statement[] {
  return statementsOf(parse(cell)).flatMap((statement) => {
    const text = cell.slice(statement.from, statement.to);
    if (statement.name !== 'VariableDeclaration') return [new Reader(cell).read([statement], text)];
    const [keyword, ...parts] = childrenOf(statement);
    const word = cell.slice(keyword.from, keyword.to);
    return separated(parts.filter(({ name }) => name !== ';'))
      .filter((nodes) => nodes.length > 0)
      .map((nodes) =>
        new Reader(cell).read(nodes, `${word} ${cell.slice(nodes[0].from, nodes.at(-1)!.to)};`, word === 'const'),
      );
  });
}

/** The names of several pieces of code together. */
export function together(pieces: CellNames[]): CellNames {
  const all = KINDS.map((kind) => [kind, new Set(pieces.flatMap((piece) => [...piece[kind]]))] as const);
  return Object.fromEntries(all) as unknown as CellNames;
}

class Reader {
  private readonly names = together([]);
  private readonly aliases: [string, string][] = [];
  private readonly hands: Statement['hands'] = new Map();
  private readonly writes = new Set<string>();
  private readonly parameters = new Set<string>();
  /** The blocks and loops that declare plain values, by the values' names: `for (let i = 0; …)`. */
  private readonly locals = new Map<string, SyntaxNode[]>();
  private readonly mentions = new Map<string, SyntaxNode[]>();

  constructor(private readonly cell: string) {}

  read(nodes: SyntaxNode[], source: string, constant = false): Statement {
    const value = nodes[nodes.findIndex(({ name }) => name === 'Equals') + 1];
    const declared = constant || nodes.length > 1 || isPattern(nodes[0]) ? [nodes[0]] : nodes;
    const definitions = declared.flatMap(definitionsIn);
    for (const node of definitions) this.add('declares', node);
    nodes.forEach((node) => this.visit(node));
    const [{ name: kind }] = nodes;
    const initialised = nodes.length > 1;
    if (initialised) for (const name of definitions) this.link(name, value);
    this.dropLocals();
    const { aliases, hands, writes, parameters } = this;
    const fixed =
      /^(?:Import|Function|Enum|TypeAlias|Interface)Declaration$/.test(kind) ||
      (constant && initialised && kind === 'VariableDefinition' && isPlain(value));
    return {
      ...this.names,
      source,
      aliases,
      hands,
      writes,
      parameters,
      runsLater: initialised ? this.holdsFunction(value) : kind.endsWith('Declaration') && kind !== 'ImportDeclaration',
      fixed,
      pure: fixed && !nodes.some(callsSomething),
    };
  }

  private visit(node: SyntaxNode): void {
    const children = childrenOf(node);
    if (node.name === 'VariableName' || node.name === 'TypeName' || isShorthand(node)) this.add('uses', node);
    if (node.name === 'ParamList') {
      for (const name of children.flatMap(definitionsIn)) this.parameters.add(this.text(name));
      for (const [name, ...rest] of separated(children.slice(1, -1))) {
        const usual = rest.some((one) => one.name === 'Equals') ? definitionsIn(name) : [];
        for (const one of usual) this.link(one, rest.at(-1)!, true);
      }
    }
    // A `var` within a block belongs to the cell.
    if (node.name === 'VariableDeclaration' && children[0].name === 'var') {
      for (const name of definitionsIn(node)) this.add('declares', name);
    }
    const block = node.name === 'VariableDeclaration' ? blockOf(node) : undefined;
    if (block) for (const name of plainDefinitions(children)) push(this.locals, this.text(name), block);
    for (const target of targetsOf(node, children)) {
      const variable = root(target);
      for (const name of variable ? [variable] : namesBelow(target)) {
        this.add('uses', name);
        this.add(target === name ? 'assigns' : 'mutates', name);
        if (target !== name) this.writes.add(this.text(name));
        const [, operator, value] = children;
        // `+=` and the like make a new value; `=`, `??=`, `||=` and `&&=` assign the value itself.
        if (node.name === 'AssignmentExpression' && /^(?:\?\?|\|\||&&)?=$/.test(this.text(operator)))
          this.link(name, value, target !== name);
      }
    }
    // What is done to a row, `for (const row of rows)`, is done to the rows.
    if (node.name === 'ForOfSpec') {
      for (const name of children.flatMap(definitionsIn)) this.link(name, children.at(-2)!);
    }
    children.forEach((child) => this.visit(child));
    this.visitCall(node, children);
  }

  private visitCall(node: SyntaxNode, children: SyntaxNode[]): void {
    if (!['CallExpression', 'NewExpression', 'TaggedTemplateExpression'].includes(node.name)) return;
    const callee = children.find(({ name }) => name !== 'new')!;
    if (READERS.test(this.text(callee))) return;
    const given = children.filter((child) => child !== callee);
    const method = callee.name === 'MemberExpression' ? this.methodOf(callee) : '';
    const receivers = method === '' || READING_METHODS.has(method) ? [] : this.receiversOf(callee, method);
    if (WRITERS.test(this.text(callee))) {
      const target = root(given.flatMap(childrenOf).find(({ name }) => name !== '(') ?? callee);
      if (target) this.add('mutates', target);
    } else if (!CALLBACK_METHODS.has(method)) receivers.forEach((receiver) => this.add('mutates', receiver));
    else receivers.forEach((receiver) => this.visitCallbacks(receiver, given.flatMap(childrenOf)));
    for (const handed of given.flatMap(held)) this.hand(callee, handed);
  }

  /** The variables that a method is called on: directly, by an element or, for callbacks, by a list of the elements. */
  private receiversOf(callee: SyntaxNode, method: string): SyntaxNode[] {
    const [object] = childrenOf(callee);
    const variable = root(callee);
    if (variable) return [variable];
    return CALLBACK_METHODS.has(method) || this.isElement(object) ? this.partsOf(object) : [];
  }

  /** Whether a value is an element of a list, `rows.at(0)` or `rows.find(…)!`, or a part of one. */
  private isElement(value: SyntaxNode): boolean {
    const children = childrenOf(value);
    if (value.name === 'MemberExpression' || isWrapper(value)) return children.some((one) => this.isElement(one));
    const [first] = children;
    return (
      value.name === 'CallExpression' &&
      first.name === 'MemberExpression' &&
      /^(?:at|find|findLast)$/.test(this.methodOf(first))
    );
  }

  /** The variables whose objects a value is or holds, also as a list of another's elements: `rows.filter(…)`. */
  private partsOf(value: SyntaxNode): SyntaxNode[] {
    const children = childrenOf(value);
    const given = children.filter(({ name }) => name === 'ArgList').flatMap(held);
    if (value.name === 'NewExpression') return NOT_KEEPING.test(this.text(children[1])) ? [] : given;
    if (value.name === 'MemberExpression' && !root(value)) return this.partsOf(children[0]);
    if (value.name !== 'CallExpression') {
      return isWrapper(value) && !isPlain(value) ? children.flatMap((child) => this.partsOf(child)) : held(value);
    }
    const [callee] = children;
    if (COPIES.test(this.text(callee))) return given;
    const method = callee.name === 'MemberExpression' ? this.methodOf(callee) : '';
    if (!ELEMENT_METHODS.has(method)) return [];
    return [...this.partsOf(childrenOf(callee)[0]), ...(method === 'concat' ? given : [])];
  }

  private methodOf(callee: SyntaxNode): string {
    return this.text(childrenOf(callee).at(-1)!);
  }

  /** `rows.map((row) => …)` does to the rows what the function does to its parameters. */
  private visitCallbacks(receiver: SyntaxNode, callbacks: SyntaxNode[]): void {
    for (const callback of callbacks) {
      if (callback.name === 'VariableName') this.hand(callback, receiver);
      const parameters = childrenOf(callback)
        .filter(({ name }) => name === 'ParamList')
        .flatMap(childrenOf)
        .flatMap(definitionsIn)
        .map((name) => this.text(name));
      for (const kind of ['mutates', 'passes'] as const) {
        if (parameters.some((name) => this.names[kind].has(name))) this.add(kind, receiver);
      }
      for (const names of this.hands.values()) {
        if (parameters.some((name) => names.has(name))) names.add(this.text(receiver));
      }
    }
  }

  private hand(callee: SyntaxNode, value: SyntaxNode): void {
    const owner = root(callee);
    if (owner) this.hands.set(this.text(owner), (this.hands.get(this.text(owner)) ?? new Set()).add(this.text(value)));
    // An object may keep its arguments.
    if (callee.name !== 'VariableName' || callee.parent?.name === 'NewExpression') this.add('passes', value);
  }

  private holdsFunction(value: SyntaxNode): boolean {
    if (/Function$|^ClassExpression$|^ParamList$/.test(value.name)) return true;
    const children = childrenOf(value);
    const [callee] = children;
    if (value.name === 'CallExpression' && callee.name === 'MemberExpression') {
      if (CALLBACK_METHODS.has(this.text(childrenOf(callee).at(-1)!))) return false;
    }
    return children.some((child) => this.holdsFunction(child));
  }

  /** Notes that a name is given a value or, if it only `holds` the value, that a part of it is. */
  private link(name: SyntaxNode, value: SyntaxNode, holds = false): void {
    if (isCast(value)) return this.link(name, childrenOf(value)[0], holds);
    for (const other of this.partsOf(value)) {
      this.aliases.push([this.text(name), this.text(other)]);
      if (!holds && !/^(?:Array|Object|New|Call)Expression$/.test(value.name)) {
        this.aliases.push([this.text(other), this.text(name)]);
      }
    }
  }

  private add(kind: (typeof KINDS)[number], node: SyntaxNode): void {
    this.names[kind].add(this.text(node));
    push(this.mentions, this.text(node), node);
  }

  /** Drops plain values that only their block mentions and nothing else holds: they do not concern other cells. */
  private dropLocals(): void {
    for (const [name, blocks] of this.locals) {
      const within = ({ from }: SyntaxNode): boolean => blocks.some((block) => block.from <= from && from < block.to);
      if (this.aliases.some((pair) => pair.includes(name)) || !this.mentions.get(name)?.every(within)) continue;
      for (const names of [...KINDS.map((kind) => this.names[kind]), ...this.hands.values()]) names.delete(name);
    }
  }

  private text({ from, to }: SyntaxNode): string {
    return this.cell.slice(from, to);
  }
}

function push<K, T>(lists: Map<K, T[]>, key: K, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
