import { expand, type Scope } from '../language/macro.ts';
import { type Text, transformed } from '../match/text.ts';
import type { Condition, Group, Interruption, Link, MatchedValue, Removal, TargetSet, Transaction } from './model.ts';
import { setCaptures } from './store.ts';
import { collectFrom, without } from './targets.ts';
import { nameOf, type Value } from './value.ts';

/** Matched values that a record keeps of one rule. Effects take place for all. */
const maxRecorded = 20;
const unconditional: MatchedValue = { name: '', content: '' };

function gather(transaction: Transaction, { targets }: Condition): readonly Value[] {
  if (!targets.kept) return collect(transaction, targets);
  transaction.gathered ??= new Map();
  const known = transaction.gathered.get(targets.id);
  if (known !== undefined) return known;
  const values = collect(transaction, targets);
  transaction.gathered.set(targets.id, values);
  return values;
}

function collect(transaction: Transaction, targets: TargetSet): readonly Value[] {
  const values: Value[] = [];
  for (const target of targets.targets) collectFrom(target, transaction, values);
  return without(values, targets.exclusions);
}

function buildGroup(transaction: Transaction, condition: Condition): Group {
  const values = gather(transaction, condition);
  return { values, texts: values.map((value) => transformed(value.text, condition.chain)) };
}

function groupOf(transaction: Transaction, condition: Condition): Group {
  if (!condition.targets.kept) return buildGroup(transaction, condition);
  transaction.groups ??= new Map();
  const known = transaction.groups.get(condition.group);
  if (known !== undefined) return known;
  const group = buildGroup(transaction, condition);
  transaction.groups.set(condition.group, group);
  return group;
}

const hits = (removals: readonly Removal[], link: Link, value: Value): boolean =>
  removals.some(
    ({ collection, covers, applies }) =>
      (collection === value.collection || `&${collection}` === value.collection) &&
      (covers === undefined || covers(value)) &&
      applies(link),
  );

/** Whether the value is taken out of the rule, by the configuration or by an earlier rule. */
const isExcluded = ({ standing, removals }: Transaction, link: Link, value: Value): boolean =>
  (standing.removals.length > 0 && hits(standing.removals, link, value)) ||
  (removals.length > 0 && hits(removals, link, value));

function storeCaptures(transaction: Transaction, condition: Condition, text: Text): void {
  const captures = condition.operator.captures?.(text, transaction);
  if (captures !== undefined) setCaptures(transaction, captures);
}

function onMatch(transaction: Transaction, link: Link, value: Value, text: Text, into: MatchedValue[]): void {
  const matched: MatchedValue = { name: nameOf(value), content: text.raw };
  into.push(matched);
  transaction.matched.push(matched);
  if (link.capture && !link.condition!.negated) storeCaptures(transaction, link.condition!, text);
  for (const effect of link.effects) effect.apply(transaction, matched);
}

function holdsFor(transaction: Transaction, { operator, negated }: Condition, text: Text): boolean {
  return operator.matches(text, transaction) !== negated;
}

/** The texts of a value that the operator is tried on: one, or with `multiMatch` each that differs from the one before. */
function* stagesOf(condition: Condition, value: Value, last: Text): Generator<Text> {
  if (condition.stages.length === 0) {
    yield last;
    return;
  }
  let before: Text | undefined;
  for (const stage of condition.stages) {
    const text = transformed(value.text, stage);
    if (text !== before) yield text;
    before = text;
  }
}

/** Whether one link of a chain matches; its effects are carried out for each value that it matches. */
export function testLink(transaction: Transaction, link: Link, condition: Condition, into: MatchedValue[]): boolean {
  const { values, texts } = groupOf(transaction, condition);
  let any = false;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    if (value.pinned && condition.skipsPinned) continue;
    const text = texts[index]!;
    if (condition.stages.length === 0) {
      if (!holdsFor(transaction, condition, text)) continue;
      if (isExcluded(transaction, link, value)) continue;
      onMatch(transaction, link, value, text, into);
      any = true;
      continue;
    }
    if (isExcluded(transaction, link, value)) continue;
    for (const stage of stagesOf(condition, value, text)) {
      if (!holdsFor(transaction, condition, stage)) continue;
      onMatch(transaction, link, value, stage, into);
      any = true;
    }
  }
  return any;
}

/** Whether a rule and all its chain match; carries out their effects on the way. */
export function runChain(transaction: Transaction, head: Link, into: MatchedValue[]): boolean {
  transaction.matched = [];
  for (let link: Link | undefined = head; link !== undefined; link = link.next) {
    transaction.current = link;
    if (link.condition === undefined) for (const effect of link.effects) effect.apply(transaction, unconditional);
    else if (!testLink(transaction, link, link.condition, into)) return false;
  }
  return true;
}

export function isRemoved({ standing, removed }: Transaction, link: Link): boolean {
  for (let index = 0; index < removed.length; index += 1) if (removed[index]!(link)) return true;
  for (let index = 0; index < standing.removed.length; index += 1) if (standing.removed[index]!(link)) return true;
  return false;
}

/** What the engine itself says of a request. */
const ownWords: ReadonlySet<string> = new Set(['MATCHED_VAR_NAME', 'REQBODY_ERROR_MSG', 'REQBODY_PROCESSOR_ERROR_MSG']);

/** Names, the engine's own words and small numbers that rules keep are no secrets; all else of a request is shown masked. */
function maskedScope(transaction: Transaction): Scope {
  return {
    lookUp(name) {
      const value = transaction.lookUp(name);
      if (ownWords.has(name.collection)) return value;
      const isCount = name.collection === 'TX' && !/^\d+$/.test(name.key) && /^-?\d{1,6}$/.test(value);
      return isCount ? value : transaction.mask(value);
    },
  };
}

function record(transaction: Transaction, head: Link, values: readonly MatchedValue[]): void {
  if (head.severity !== undefined && head.severity < transaction.highestSeverity)
    transaction.highestSeverity = head.severity;
  if (!head.log) return;
  const scope = maskedScope(transaction);
  transaction.matches.push({
    link: head,
    values: values.slice(0, maxRecorded),
    message: expand(head.message, scope),
    data: expand(head.data, scope),
  });
}

function disrupt(transaction: Transaction, head: Link): void {
  const { disruption } = head;
  if (disruption.kind === 'pass') return;
  if (disruption.kind === 'allow') {
    if (transaction.mode === 'on') transaction.allowed = disruption.scope;
    return;
  }
  if (transaction.phase === 5) return;
  const isRedirect = disruption.kind === 'redirect';
  const interruption: Interruption = {
    link: head,
    action: disruption.kind,
    status: isRedirect && (head.status < 300 || head.status > 399) ? 302 : head.status,
    location: isRedirect ? expand(disruption.location, transaction) : undefined,
  };
  if (transaction.mode === 'on') transaction.interruption = interruption;
  else transaction.wouldInterrupt ??= interruption;
}

/** Runs a rule: its chain, what it records and what it does to the request. False where it does not match. */
export function runRule(transaction: Transaction, link: Link): boolean {
  const values: MatchedValue[] = [];
  if (!runChain(transaction, link, values)) return false;
  record(transaction, link, values);
  disrupt(transaction, link);
  return true;
}
