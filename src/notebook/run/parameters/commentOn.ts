/**
 * What a parameters cell says about a name: the comment behind its declaration, minding strings that hold slashes, or else
 * the one in the line above it.
 */
export function commentOn(name: string, source: string): string {
  const [, above = '', line = ''] =
    new RegExp(
      `(?:^|\\n)(?:[ \\t]*//([^\\n]*)\\n)?[ \\t]*(?:const|let|var)[ \\t]+${name.replaceAll('$', '\\$')}(?![\\w$])([^\\n]*)`,
    ).exec(source) ?? [];
  const [, behind = ''] = /^(?:'[^']*'|"[^"]*"|`[^`]*`|(?!\/\/)[^'"`])*\/\/(.*)$/.exec(line) ?? [];
  return (behind || above).trim();
}
