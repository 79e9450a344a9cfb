// The Core Rule Set as a distribution installs it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuleSetText } from '../../src/api/waf.ts';

export const crsFolder = '/usr/share/modsecurity-crs/rules';
export const crsSetup = '/etc/modsecurity/crs/crs-setup.conf';

/** Whether the set is installed: `apt install modsecurity-crs`. */
export const crsPresent = (): boolean => existsSync(crsFolder) && existsSync(crsSetup);

/** All rules of a folder, after its set-up file. */
export function readRules(folder: string, setup: string): RuleSetText {
  const read = (ending: string): { name: string; text: string }[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith(ending))
      .sort()
      .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
  const files = [{ name: 'crs-setup.conf', text: readFileSync(setup, 'utf8') }, ...read('.conf')];
  return { name: 'crs', files, data: Object.fromEntries(read('.data').map(({ name, text }) => [name, text])) };
}
