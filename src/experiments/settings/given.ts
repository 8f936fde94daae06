/** A value that somebody gave a setting. */
export interface Given {
  /** The setting's name, in a group group.name. */
  name: string;
  value: unknown;
  /** The words it was given with, if it comes from a command line: they count where the value itself does not fit. */
  text?: string;
  /** Where it stands, if in a file: "run.yaml, line 3". */
  place?: string;
}

const isGroup = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The settings in an object, groups taken apart; what is undefined was not given. */
export function givenIn(settings: object, group = ''): Given[] {
  return Object.entries(settings).flatMap(([name, value]): Given[] => {
    if (value === undefined) return [];
    return isGroup(value) ? givenIn(value, `${group}${name}.`) : [{ name: group + name, value }];
  });
}
