/** Returns a browser and its version, such as `Chromium 141`, from its user agent (`navigator.userAgent`). */
export function browserName(agent: string): string {
  const [, name, version] = /(Firefox|Edg|Chrome|Version)\/(\d+)/.exec(agent.replace(/Chrome(?=.*Edg)/, '')) ?? [];
  const names: Record<string, string> = { Chrome: 'Chromium', Edg: 'Edge', Version: 'Safari' };
  return name === undefined ? 'an unknown browser' : `${names[name] ?? name} ${version}`;
}
