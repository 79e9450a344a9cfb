import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuleSetText } from '../api/waf.ts';

const folder = join(import.meta.dirname, 'builtin');
const preambleName = '00-preamble.conf';

const read = (name: string): { readonly name: string; readonly text: string } => ({
  name: `builtin/${name}`,
  text: readFileSync(join(folder, name), 'utf8'),
});

/** Rules that run before every rule set. */
export const preamble = (): RuleSetText => ({ name: 'preamble', files: [read(preambleName)], data: {} });

/** The rules for those who bring none. */
export function builtinRuleSet(): RuleSetText {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.conf') && name !== preambleName)
    .sort();
  const data = readdirSync(folder).filter((name) => name.endsWith('.data'));
  return {
    name: 'builtin',
    files: names.map(read),
    data: Object.fromEntries(data.map((name) => [name, read(name).text])),
  };
}
