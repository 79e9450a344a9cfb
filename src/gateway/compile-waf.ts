import type { WafSection } from '../api/waf.ts';
import type { Clock } from '../core/clock.ts';
import { compileWaf, type Waf } from '../waf/index.ts';

/** The WAF of a snapshot: its rules, compiled, and what it says of each route. */
export interface CompiledWaf {
  readonly section: WafSection;
  readonly engine: Waf;
}

/** Compiles the rules; the engine of the former snapshot is kept where they are the same. Throws with file and line. */
export function compileWafSection(
  section: WafSection | undefined,
  former: CompiledWaf | undefined,
  clock: Clock,
): CompiledWaf | undefined {
  if (section === undefined) return undefined;
  const engine = former?.section.digest === section.digest ? former.engine : compileWaf(section, clock);
  return { section, engine };
}
