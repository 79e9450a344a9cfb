import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { RuleSetText } from '../../api/waf.ts';
import { MerlonError } from '../../core/errors.ts';
import type { Manifest } from '../../manifest/index.ts';

/** Rule texts as they were found. */
export interface WafRuleFiles {
  readonly ruleSets: readonly RuleSetText[];
  /** SHA-256 of all texts, in hexadecimal. */
  readonly digest: string;
  /** Every file and folder that was looked at: a change to one is a change of the rules. */
  readonly files: readonly string[];
}

/** Where Debian's package `modsecurity-crs` puts the Core Rule Set. */
export const debianCrs = { setup: '/etc/modsecurity/crs', rules: '/usr/share/modsecurity-crs' };

/** Whether any route has a WAF at all: else its rules are not even read. */
export const usesWaf = ({ gateway, routes }: Manifest): boolean =>
  routes.some(({ waf }) => (waf.mode ?? gateway.waf.mode) !== 'off');

const maxFileBytes = 4 * 1024 * 1024;

/** Reads the rules that the manifest names, once. Throws `waf.no-rules`. */
export function readWafRules(manifest: Manifest, folder: string, crs = debianCrs): WafRuleFiles {
  const { rules } = manifest.gateway.waf;
  if (rules === 'builtin') return { ruleSets: [], digest: 'builtin', files: [] };
  const found = rules === 'crs' ? findDebianCrs(crs) : findRules(resolve(folder, rules));
  const set = readSet(rules, found);
  const digest = createHash('sha256').update(JSON.stringify(set)).digest('hex');
  return { ruleSets: [set], digest, files: [...found.configurations, ...found.data, ...found.folders] };
}

interface FoundRules {
  /** In the order in which a web server would include them. */
  readonly configurations: readonly string[];
  readonly data: readonly string[];
  readonly folders: readonly string[];
}

function findDebianCrs({ setup, rules }: typeof debianCrs): FoundRules {
  const folder = join(rules, 'rules');
  if (!existsSync(folder))
    throw new MerlonError({
      code: 'waf.no-rules',
      message: `the Core Rule Set is not installed: there is no folder \`${folder}\``,
      hint: 'install the package `modsecurity-crs`, or give the path of a checkout as `gateway.waf.rules`',
    });
  const own = listed(setup, '.conf');
  const after = own.filter((path) => basename(path).startsWith('RESPONSE-'));
  return {
    // The setup comes first, then what is excluded before the rules; `crs-setup` sorts behind `REQUEST-`.
    configurations: [...setupFirst(own.filter((path) => !after.includes(path))), ...listed(folder, '.conf'), ...after],
    data: listed(folder, '.data'),
    folders: [setup, folder],
  };
}

const setupFirst = (paths: readonly string[]): string[] => {
  const isSetup = (path: string): boolean => basename(path).startsWith('crs-setup');
  return [...paths.filter(isSetup), ...paths.filter((path) => !isSetup(path))];
};

/** One file, a checkout of the Core Rule Set, or a folder of `.conf` and `.data` files. */
function findRules(path: string): FoundRules {
  if (!existsSync(path))
    throw new MerlonError({ code: 'waf.no-rules', message: `there is no file or folder \`${path}\`` });
  if (!statSync(path).isDirectory()) return { configurations: [path], data: [], folders: [] };
  const found = existsSync(join(path, 'rules')) ? checkout(path) : flat(path);
  if (found.configurations.length > 0) return found;
  throw new MerlonError({ code: 'waf.no-rules', message: `the folder \`${path}\` holds no \`.conf\` file` });
}

const flat = (path: string): FoundRules => ({
  configurations: setupFirst(listed(path, '.conf')),
  data: listed(path, '.data'),
  folders: [path],
});

/** A checkout: its setup, or the example of one, then its plugins around its rules, as its INSTALL file has it. */
function checkout(path: string): FoundRules {
  const [rules, plugins] = [join(path, 'rules'), join(path, 'plugins')];
  const setup = ['crs-setup.conf', 'crs-setup.conf.example'].map((name) => join(path, name)).find(existsSync);
  const part = (suffix: string): string[] => listed(plugins, suffix);
  return {
    configurations: [
      ...(setup === undefined ? [] : [setup]),
      ...part('-config.conf'),
      ...part('-before.conf'),
      ...listed(rules, '.conf'),
      ...part('-after.conf'),
    ],
    data: [...listed(rules, '.data'), ...part('.data')],
    folders: [path, rules, ...(existsSync(plugins) ? [plugins] : [])],
  };
}

function listed(folder: string, suffix: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .sort()
    .map((name) => join(folder, name));
}

function readSet(name: string, { configurations, data }: FoundRules): RuleSetText {
  return {
    name,
    files: configurations.map((path) => ({ name: path, text: readBounded(path) })),
    data: Object.fromEntries(data.map((path) => [basename(path), readBounded(path)])),
  };
}

function readBounded(path: string): string {
  if (statSync(path).size > maxFileBytes)
    throw new MerlonError({ code: 'waf.no-rules', message: `\`${path}\` is larger than ${maxFileBytes} bytes` });
  return readFileSync(path, 'utf8');
}
