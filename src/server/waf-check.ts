import type { WafSection } from '../api/waf.ts';
import { compileWafSection, readWafRules, usesWaf } from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Manifest } from '../manifest/index.ts';
import { compileWaf, type Waf } from '../waf/index.ts';

let last: { readonly digest: string; readonly waf: Waf } | undefined;

/**
 * Compiles the rules as the gateway will, with the exclusions and patches of every route; unchanged rules only once.
 * Throws what is wrong with them, with file and line. Gives what has no effect.
 */
export function checkWaf(section: WafSection | undefined, clock: Clock): readonly string[] {
  if (section === undefined) return [];
  if (last?.digest !== section.digest) last = { digest: section.digest, waf: compileWaf(section, clock) };
  for (const route of Object.values(section.routes)) last.waf.route(route);
  return last.waf.warnings;
}

/** Reads and compiles the rules that a manifest names. Throws what is wrong with them; tells what has no effect. */
export function checkWafRules(
  manifest: Manifest,
  folder: string,
  clock: Clock,
): { readonly section: WafSection | undefined; readonly warnings: readonly string[] } {
  const section = compileWafSection(manifest, usesWaf(manifest) ? readWafRules(manifest, folder) : undefined);
  return { section, warnings: checkWaf(section, clock) };
}
