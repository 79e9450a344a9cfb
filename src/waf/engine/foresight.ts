import { type MacroName, namesIn } from '../language/macro.ts';
import { idleRules } from './idle.ts';
import {
  type Condition,
  type Effect,
  type Entry,
  isSeen,
  type Link,
  linksOf,
  type Standing,
  type Transaction,
} from './model.ts';
import type { RuleSet } from './rule-set.ts';
import { isRemoved, runChain, testLink } from './run.ts';
import { txValues } from './store.ts';

// Most rules of a rule set do not look at the request at all: they set defaults, compare levels, jump over the rules of
// higher levels, add scores up. What they do is the same for every request as long as no attack is found; so it is done
// once, when a route is set up, on a transaction without a request. What is left are the steps: the rules that look
// at the request, each with the variables that stand before it. A request on which a step matches that later
// rules depend on departs from the course: from there on its rules run one by one.

/** Where a rule stands: rule set, then entry of the phase. */
export interface Place {
  readonly set: number;
  readonly entry: number;
}

/** A rule that has to be tried on the request. */
export interface Step {
  readonly link: Link;
  readonly place: Place;
  readonly jump: number | undefined;
  /** Index of the step to go on with after a match that jumps and stays on course. */
  leap: number | undefined;
  readonly standing: Standing;
  /** A match leaves the course. */
  departs: boolean;
  /** So does the mere attempt: a chain may leave its mark and not match. */
  readonly departsEarly: boolean;
}

export interface Course {
  /** Steps of phases 1 to 5, at that index. */
  readonly phases: readonly (readonly Step[])[];
  /** What stands after each phase. */
  readonly ends: readonly Standing[];
}

const keyOfName = ({ collection, key, lowerKey }: MacroName): string | undefined =>
  collection === 'TX' && key !== '' ? lowerKey : undefined;

/** Variables of TX that something reads; undefined where it reads anything else. */
type Reads = readonly string[] | undefined;

function allOf(names: readonly MacroName[]): Reads {
  const keys = names.map(keyOfName);
  return keys.every((key) => key !== undefined) ? keys : undefined;
}

function join(parts: readonly Reads[]): Reads {
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
}

function readsOfCondition({ targets, parameter, stages }: Condition): Reads {
  const isPlain = stages.length === 0 && targets.exclusions.length === 0;
  const single = targets.targets.every(({ collection, key }) => collection === 'TX' && key !== undefined);
  if (!isPlain || !single) return undefined;
  return join([allOf(namesIn(parameter)), targets.targets.map(({ key }) => key!)]);
}

function readsOfEffect({ reach, reads }: Effect): Reads {
  if (reach.kind === 'variable') return allOf(reads);
  return reach.kind === 'removal' ? [] : undefined;
}

function readsOfLink(link: Link): Reads {
  if (link.capture) return undefined;
  const condition = link.condition === undefined ? [] : readsOfCondition(link.condition);
  return join([condition, ...link.effects.map(readsOfEffect)]);
}

/** Variables on which alone it depends what a rule does; undefined where it depends on the request. */
const readsOf = (head: Link): Reads => join(linksOf(head).map(readsOfLink));

const hasEffects = (head: Link): boolean => linksOf(head).some(({ effects }) => effects.length > 0);

const captured = Array.from({ length: 10 }, (_none, index) => String(index));

/** Variables that links may change: names, and beginnings of names as `name*`; undefined where it may be anything. */
function writesOf(links: readonly Link[]): Reads {
  return join(
    links.flatMap(({ capture, effects }) => [
      capture ? captured : [],
      ...effects.map(({ reach }) => {
        if (reach.kind === 'variable') return [reach.key];
        if (reach.kind === 'variables') return [`${reach.prefix}*`];
        return reach.kind === 'anything' ? undefined : [];
      }),
    ]),
  );
}

const overlap = (written: string, key: string): boolean =>
  written.endsWith('*') ? key.startsWith(written.slice(0, -1)) : written === key;

const anyOverlap = (written: Iterable<string>, keys: Iterable<string>): boolean => {
  const list = [...keys];
  return [...written].some((one) => list.some((key) => overlap(one, key)));
};

function foreseeable(ruleSets: readonly RuleSet[]): Link[] {
  const links = ruleSets.flatMap(({ phases }) => phases.flat().map(({ link }) => link));
  return links.filter((link) => readsOf(link) !== undefined);
}

interface Walk {
  readonly ruleSets: readonly RuleSet[];
  /** Stands in for every request. */
  readonly scratch: Transaction;
  /** Variables that depend on the request. */
  readonly uncertain: Set<string>;
  /** Rules that need not run at all. */
  readonly idle: ReadonlySet<Link>;
  /** Rules that may be carried out in advance. */
  readonly foreseeable: readonly Link[];
  /** Variables on which those depend. */
  readonly deciding: ReadonlySet<string>;
  standing: Standing;
  /** Nothing more can be foreseen. */
  ended: boolean;
}

/** What stands now; the same object as before where nothing has changed. */
function settle(walk: Walk): Standing {
  const { scratch } = walk;
  if (scratch.variables.size > 0) {
    scratch.standing = { ...scratch.standing, variables: txValues(scratch) };
    scratch.variables.clear();
  }
  if (scratch.removed.length > 0) {
    const { standing } = scratch;
    scratch.standing = { ...standing, removed: [...standing.removed, ...scratch.removed.splice(0)] };
  }
  walk.standing = scratch.standing;
  return walk.standing;
}

const isCertain = (walk: Walk, keys: Reads): boolean => keys !== undefined && !anyOverlap(walk.uncertain, keys);

/** Whether the first link of a chain fails for all requests alike. */
function neverStarts(walk: Walk, head: Link): boolean {
  const { condition } = head;
  if (condition === undefined || head.capture || head.effects.length > 0) return false;
  return isCertain(walk, readsOfCondition(condition)) && !testLink(walk.scratch, head, condition, []);
}

/** Whether a rule matches, for all requests alike; its effects are carried out. Undefined: it is a step. */
function decide(walk: Walk, head: Link): boolean | undefined {
  if (neverStarts(walk, head)) return false;
  const writes = linksOf(head).flatMap(({ effects }) =>
    effects.flatMap(({ reach }) => (reach.kind === 'variable' ? [reach.key] : [])),
  );
  if (!isCertain(walk, readsOf(head)) || !isCertain(walk, writes)) return undefined;
  if (isSeen(head) && hasEffects(head)) return undefined;
  const matches = runChain(walk.scratch, head, []);
  return matches && isSeen(head) ? undefined : matches;
}

/** Whether links may change what was foreseen for later rules. */
function disturb(walk: Walk, links: readonly Link[]): boolean {
  const writes = writesOf(links);
  if (writes === undefined || anyOverlap(writes, walk.deciding)) return true;
  const reaches = links.flatMap(({ effects }) => effects.map(({ reach }) => reach));
  return reaches.some((reach) => reach.kind === 'removal' && walk.foreseeable.some(reach.applies));
}

function addStep(walk: Walk, { link, jump }: Entry, place: Place): Step {
  const links = linksOf(link);
  // Effects of all links but the last take place even where the chain does not match in the end.
  const early = links.slice(0, -1);
  const departs = disturb(walk, links);
  const departsEarly = disturb(walk, early);
  const step: Step = { link, place, jump, leap: undefined, standing: settle(walk), departs, departsEarly };
  for (const key of writesOf(departs ? early : links) ?? []) walk.uncertain.add(key);
  const isCertainToMatch = links.every(({ condition }) => condition === undefined);
  if (isCertainToMatch && (departs || jump !== undefined)) walk.ended = true;
  return step;
}

/**
 * A jump stays on course where the foreseen way passes its target, too, and nothing but steps lies between. Any other
 * departs.
 */
function aimJumps(steps: readonly Step[], from: number, trail: ReadonlyMap<number, Standing>): void {
  for (let index = from; index < steps.length; index += 1) {
    const step = steps[index]!;
    if (step.jump === undefined) continue;
    const target = steps.findIndex(({ place }, at) => at > index && place.entry >= step.jump!);
    if (trail.get(step.jump) === step.standing) step.leap = target < 0 ? steps.length : target;
    else step.departs = true;
  }
}

function walkPhase(walk: Walk, phase: number): Step[] {
  const steps: Step[] = [];
  walk.scratch.phase = phase;
  for (const [set, { phases }] of walk.ruleSets.entries()) {
    const entries = phases[phase]!;
    const first = steps.length;
    const trail = new Map<number, Standing>();
    for (let index = 0; index < entries.length && !walk.ended; ) {
      const place: Place = { set, entry: index };
      trail.set(index, settle(walk));
      const entry = entries[index]!;
      index += 1;
      if (walk.idle.has(entry.link) || isRemoved(walk.scratch, entry.link)) continue;
      const matches = decide(walk, entry.link);
      if (matches === undefined) steps.push(addStep(walk, entry, place));
      else if (matches && entry.jump !== undefined) index = entry.jump;
    }
    trail.set(entries.length, settle(walk));
    aimJumps(steps, first, trail);
  }
  return steps;
}

/** @param scratch a transaction whose request is never looked at. */
export function foresee(ruleSets: readonly RuleSet[], scratch: Transaction): Course {
  const idle = idleRules(ruleSets);
  const known = foreseeable(ruleSets).filter((link) => !idle.has(link));
  const walk: Walk = {
    ruleSets,
    scratch,
    deciding: new Set(known.flatMap((link) => readsOf(link)!)),
    uncertain: new Set(),
    idle,
    foreseeable: known,
    standing: scratch.standing,
    ended: false,
  };
  const phases: Step[][] = [[]];
  const ends: Standing[] = [scratch.standing];
  for (let phase = 1; phase <= 5; phase += 1) {
    phases.push(walkPhase(walk, phase));
    ends.push(settle(walk));
  }
  return { phases, ends };
}
