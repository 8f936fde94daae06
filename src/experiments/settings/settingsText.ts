import type { AnySetting, SettingValue } from './schema.js';
import { valueText } from './settingWords.js';

/**
 * Settings as a YAML file that reads back as the same settings, each under a line that says what it is and may be. One
 * that must not be given beside the others is a comment.
 */
export function settingsText(schema: object, settings: object): string {
  return lines(schema, settings, settings, '')
    .map((line) => `${line}\n`)
    .join('');
}

function lines(schema: object, part: object, all: object, indent: string): string[] {
  return Object.entries(part).flatMap(([name, value]: [string, SettingValue | object]) => {
    const node = (schema as Record<string, AnySetting | object>)[name];
    if (!('rule' in node)) {
      const members = lines(node, value as object, all, `${indent}  `);
      const used = members.some((line) => !line.trimStart().startsWith('#'));
      return [`${indent}${used ? '' : '# '}${name}:`, ...members];
    }
    const conflict = node.conflict?.(all);
    const help = `${indent}# ${node.help} (${node.rule.words})`;
    return conflict === undefined
      ? [help, `${indent}${name}: ${valueText(value)}`]
      : [help, `${indent}# ${name}: not used, as ${conflict}`];
  });
}
