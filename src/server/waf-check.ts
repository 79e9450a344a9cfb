import type { WafSection } from '../api/waf.ts';
import { compileWafSection, readWafRules, usesWaf } from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Manifest } from '../manifest/index.ts';
import type { Store } from '../storage/index.ts';
import { resultOnce } from './kept-result.ts';

/**
 * Compiles the rules as the gateway will, with the exclusions and patches of every route. Throws what is wrong with them, with
 * file and line. Gives what has no effect. The built-in rules alone are not compiled here, and nothing of the firewall is even
 * loaded: that they compile is held by the tests, not found out at each start.
 */
export async function checkWaf(section: WafSection | undefined, clock: Clock): Promise<readonly string[]> {
  if (section === undefined || isBuiltInAlone(section)) return [];
  const { compileWaf } = await import('../waf/index.ts');
  const waf = compileWaf(section, clock);
  for (const route of Object.values(section.routes)) waf.route(route);
  return waf.warnings;
}

function isBuiltInAlone({ ruleSets, routes }: WafSection): boolean {
  const isPlain = ({ exclusions, patches }: WafSection['routes'][string]): boolean =>
    exclusions.length === 0 && patches.length === 0;
  return ruleSets.length === 0 && Object.values(routes).every(isPlain);
}

/** As `checkWaf`, but what was found right once is not compiled again: rules of others may take seconds. */
export async function checkWafOnce(
  section: WafSection | undefined,
  clock: Clock,
  store: Store,
): Promise<readonly string[]> {
  if (section === undefined || isBuiltInAlone(section)) return [];
  const { digest, routes } = section;
  return resultOnce(store, { key: 'waf/checked', input: { digest, routes }, make: () => checkWaf(section, clock) });
}

/** The rules that a manifest names, as a gateway gets them. Throws `waf.no-rules`. */
export function readWafSection(manifest: Manifest, folder: string): WafSection | undefined {
  return compileWafSection(manifest, usesWaf(manifest) ? readWafRules(manifest, folder) : undefined);
}

/** Reads and compiles the rules that a manifest names. Throws what is wrong with them; tells what has no effect. */
export async function checkWafRules(manifest: Manifest, folder: string, clock: Clock): Promise<readonly string[]> {
  return checkWaf(readWafSection(manifest, folder), clock);
}
