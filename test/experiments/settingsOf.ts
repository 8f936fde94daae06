import { protocolSettings, type Protocol } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { givenInWords } from 'sparsebook/experiments/settings/written.js';

/** The settings that words on a command line give. */
export function settingsOf<Name extends keyof typeof protocols>(name: Name, ...words: string[]) {
  const settings = protocolSettings(protocols[name] as unknown as Protocol, givenInWords(words));
  return settings as ReturnType<(typeof protocols)[Name]['experiment']> & Record<string, unknown>;
}
