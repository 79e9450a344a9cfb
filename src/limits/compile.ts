import type { ConcurrencyRule, LimitRule, LimitsSection } from '../api/limits.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Denial } from '../api/record.ts';
import { addressKey } from './address.ts';
import { callerKey, type LimitedCaller } from './caller.ts';
import type { ConcurrencyLimiter } from './concurrency.ts';
import { denyCall, denyConcurrency } from './denial.ts';
import { formatPolicyItem, formatStateItem, type LimitFields } from './fields.ts';
import type { AskingLimiter, LimitState, TokenRule } from './limit-state.ts';

/** What a check found: a denial or none, and the response fields that tell the caller where they stand. */
export interface LimitCheck {
  readonly denial: Denial | undefined;
  readonly fields: LimitFields | undefined;
}

/** The limits of one snapshot. A promise comes only where a worker must first ask for a slice. */
export interface CompiledLimits {
  /** The gateway's own limits. `nowMs`: monotonic. */
  checkIp(remoteAddress: string, nowMs: number): LimitCheck | Promise<LimitCheck>;
  /** The limits of a route, and of the caller's own API key; `cost` tokens are taken of each. `route`: its id. */
  checkPrincipal(caller: LimitedCaller, route: string, cost: number, nowMs: number): LimitCheck | Promise<LimitCheck>;
  /** Counts a request in; a denial where too many run. Each call without a denial needs one `leave`. */
  enter(caller: LimitedCaller, route: string): Denial | undefined | Promise<Denial | undefined>;
  leave(caller: LimitedCaller, route: string): void;
}

export interface CompileLimitsOptions {
  readonly section: LimitsSection;
  readonly limiter: AskingLimiter;
  readonly concurrency: ConcurrencyLimiter;
  readonly off: Weaknesses;
}

/** All rules of a section that count tokens, for the `configure` of limiter and broker. */
export function tokenRulesOf({ gateway, routes, apiKeys = {} }: LimitsSection): TokenRule[] {
  const rules = [gateway, ...Object.values(routes), ...Object.values(apiKeys)].flat();
  const byId = new Map(rules.filter((rule) => rule.kind !== 'concurrency').map((rule) => [rule.id, rule]));
  return [...byId.values()];
}

/** All rules of a section that count what runs, for the `configure` of the slots' broker. */
export function concurrencyRulesOf({ routes }: LimitsSection): ConcurrencyRule[] {
  return Object.values(routes)
    .flat()
    .filter((rule) => rule.kind === 'concurrency');
}

const unlimited: LimitCheck = { denial: undefined, fields: undefined };

/** Turns a snapshot's limits into functions for the gateway's filters. */
export function compileLimits(options: CompileLimitsOptions): CompiledLimits {
  const { section, limiter, concurrency, off } = options;
  if (off.has('limits')) return disabled;
  const { ipv6PrefixBits } = section;
  const gateway = compileChain(section.gateway, limiter);
  const routes = new Map(Object.entries(section.routes).map(([id, rules]) => [id, compileChain(rules, limiter)]));
  const keyed = compileKeyed(section, limiter);
  const keyOf = compileKeys(ipv6PrefixBits);
  const running = compileConcurrency(section, concurrency);
  return {
    checkIp: (remoteAddress, nowMs) =>
      gateway === undefined
        ? unlimited
        : gateway(({ by }) => (by === 'all' ? '' : addressKey(remoteAddress, ipv6PrefixBits)), 1, nowMs),
    checkPrincipal(caller, route, cost, nowMs) {
      const { apiKey } = caller;
      const check = (apiKey === undefined ? undefined : keyed(route, apiKey)) ?? routes.get(route);
      return check === undefined ? unlimited : check((rule) => keyOf(rule, caller, route), cost, nowMs);
    },
    ...running,
  };
}

/** As `callerKey`; what names a caller who comes again, by the same object, is made once. */
function compileKeys(ipv6PrefixBits: number): (rule: LimitRule, caller: LimitedCaller, route: string) => string {
  const known = new WeakMap<LimitedCaller, Map<LimitRule, string>>();
  return (rule, caller, route) => {
    if (rule.by === 'route' || rule.by === 'all') return callerKey(rule, caller, route, ipv6PrefixBits);
    let keys = known.get(caller);
    if (keys === undefined) known.set(caller, (keys = new Map()));
    let key = keys.get(rule);
    if (key === undefined) keys.set(rule, (key = callerKey(rule, caller, route, ipv6PrefixBits)));
    return key;
  };
}

/** The chain of a route with the limit of an API key in front; undefined where the key has none of its own. */
function compileKeyed(
  { routes, apiKeys = {} }: LimitsSection,
  limiter: AskingLimiter,
): (route: string, apiKey: string) => Chain | undefined {
  const limited = new Map(Object.entries(apiKeys));
  // Keys that have limits, by routes that there are: bounded by the snapshot.
  const chains = new Map<string, Chain | undefined>();
  return (route, apiKey) => {
    const own = limited.get(apiKey);
    if (own === undefined) return undefined;
    const id = `${route}\n${apiKey}`;
    if (!chains.has(id)) chains.set(id, compileChain([...own, ...(routes[route] ?? [])], limiter));
    return chains.get(id);
  };
}

const disabled: CompiledLimits = {
  checkIp: () => unlimited,
  checkPrincipal: () => unlimited,
  enter: () => undefined,
  leave: () => undefined,
};

type KeyOf = (rule: LimitRule) => string;
type Chain = (keyOf: KeyOf, cost: number, nowMs: number) => LimitCheck | Promise<LimitCheck>;

/** Takes from each rule in turn. Where a later one refuses, the earlier ones get back what they gave. */
function compileChain(all: readonly LimitRule[], limiter: AskingLimiter): Chain | undefined {
  const rules = all.filter((rule) => rule.kind !== 'concurrency');
  if (rules.length === 0) return undefined;
  const policy = rules.map((rule) => formatPolicyItem(rule.name, rule.count, windowMs(rule))).join(', ');

  const finish = (step: ChainStep, state: LimitState): LimitCheck | undefined => {
    const rule = rules[step.at] as TokenRule;
    step.states += `${step.at > 0 ? ', ' : ''}${formatStateItem(rule.name, state)}`;
    const fields = { 'ratelimit-policy': policy, ratelimit: step.states };
    if (!state.allowed) {
      const denial = denyCall(rule, state, fields);
      for (let before = 0; before < step.at; before++) {
        const taken = rules[before] as TokenRule;
        limiter.refund(taken.id, step.keyOf(taken), step.cost, step.nowMs);
      }
      return { denial, fields };
    }
    step.at++;
    return step.at === rules.length ? { denial: undefined, fields } : undefined;
  };

  const run = (step: ChainStep): LimitCheck | Promise<LimitCheck> => {
    for (;;) {
      const rule = rules[step.at] as TokenRule;
      const key = step.keyOf(rule);
      const state = limiter.take(rule.id, key, step.cost, step.nowMs);
      if (state === undefined) {
        const waited = limiter.wait(rule.id, key, step.cost, step.nowMs);
        return waited.then((late) => finish(step, late) ?? run(step));
      }
      const check = finish(step, state);
      if (check !== undefined) return check;
    }
  };
  return (keyOf, cost, nowMs) => run({ keyOf, cost, nowMs, at: 0, states: '' });
}

/** One request on its way through the rules of a chain. */
interface ChainStep {
  readonly keyOf: KeyOf;
  readonly cost: number;
  readonly nowMs: number;
  at: number;
  states: string;
}

const dayMs = 86_400_000;

function windowMs(rule: TokenRule): number {
  if (rule.kind === 'rate') return rule.periodMs;
  return rule.period === 'day' ? dayMs : 30 * dayMs;
}

function compileConcurrency(
  section: LimitsSection,
  concurrency: ConcurrencyLimiter,
): Pick<CompiledLimits, 'enter' | 'leave'> {
  const byRoute = new Map(
    Object.entries(section.routes).map(([id, rules]) => [id, rules.filter((rule) => rule.kind === 'concurrency')]),
  );
  const rulesOf = (route: string): readonly ConcurrencyRule[] => byRoute.get(route) ?? [];
  const keyOf = (rule: ConcurrencyRule, caller: LimitedCaller, route: string): string =>
    callerKey(rule, caller, route, section.ipv6PrefixBits);
  const leaveFirst = (rules: readonly ConcurrencyRule[], caller: LimitedCaller, route: string): void => {
    for (const rule of rules) concurrency.release(rule.id, keyOf(rule, caller, route));
  };
  const enterFrom = (from: number, caller: LimitedCaller, route: string): ReturnType<CompiledLimits['enter']> => {
    const rules = rulesOf(route);
    const refuse = (at: number): Denial => {
      leaveFirst(rules.slice(0, at), caller, route);
      return denyConcurrency(rules[at] as ConcurrencyRule);
    };
    for (let at = from; at < rules.length; at++) {
      const rule = rules[at] as ConcurrencyRule;
      const entered = concurrency.acquire(rule.id, keyOf(rule, caller, route), rule.count);
      if (entered instanceof Promise)
        return entered.then((late) => (late ? enterFrom(at + 1, caller, route) : refuse(at)));
      if (!entered) return refuse(at);
    }
    return undefined;
  };
  return {
    enter: (caller, route) => enterFrom(0, caller, route),
    leave: (caller, route) => leaveFirst(rulesOf(route), caller, route),
  };
}
