import { expand, type Scope } from '../language/macro.ts';
import { dropBit, hasBit } from '../match/sieve.ts';
import { type Text, transformed } from '../match/text.ts';
import type { Condition, Group, Interruption, Link, MatchedValue, TargetSet, Transaction } from './model.ts';
import type { RuleSet } from './rule-set.ts';
import { setTx } from './store.ts';
import { without } from './targets.ts';
import { nameOf, type Value } from './value.ts';

/** Matched values that a record keeps of one rule. Effects take place for all. */
const maxRecorded = 20;
const unconditional: MatchedValue = { name: '', content: '' };

function gather(transaction: Transaction, { targets }: Condition): readonly Value[] {
  if (!targets.stable) return collect(transaction, targets);
  return (transaction.gathered[targets.id] ??= collect(transaction, targets));
}

function collect(transaction: Transaction, targets: TargetSet): readonly Value[] {
  const values: Value[] = [];
  for (const target of targets.targets) target.collect(transaction, values);
  return without(values, targets.exclusions);
}

function buildGroup(transaction: Transaction, condition: Condition): Group {
  const values = gather(transaction, condition);
  const texts = values.map((value) => transformed(value.text, condition.chain));
  const { sifted, stages } = condition;
  if (sifted === undefined || stages.length > 0) return { values, texts, union: undefined };
  const union = new Uint32Array(sifted.sieve.words());
  for (const text of texts) {
    const bits = sifted.sieve.candidates(text);
    for (let word = 0; word < union.length; word += 1) union[word]! |= bits[word]!;
  }
  return { values, texts, union };
}

function groupOf(transaction: Transaction, condition: Condition): Group {
  if (!condition.targets.stable) return buildGroup(transaction, condition);
  return (transaction.groups[condition.group] ??= buildGroup(transaction, condition));
}

function isExcluded(transaction: Transaction, link: Link, value: Value): boolean {
  for (const removal of transaction.removals) {
    if (removal.collection !== value.collection && `&${removal.collection}` !== value.collection) continue;
    if ((removal.covers === undefined || removal.covers(value)) && removal.applies(link)) return true;
  }
  return false;
}

function storeCaptures(transaction: Transaction, condition: Condition, text: Text): void {
  const captures = condition.operator.captures?.(text, transaction);
  if (captures === undefined) return;
  for (let index = 0; index < 10; index += 1) {
    const capture = captures[index];
    if (capture === undefined) transaction.tx.delete(String(index));
    else setTx(transaction, String(index), capture);
  }
}

function onMatch(transaction: Transaction, link: Link, value: Value, text: Text, into: MatchedValue[]): void {
  const matched: MatchedValue = { name: nameOf(value), content: text.raw };
  into.push(matched);
  transaction.matched.push(matched);
  if (link.capture && !link.condition!.negated) storeCaptures(transaction, link.condition!, text);
  for (const effect of link.effects) effect(transaction, matched);
}

function holdsFor(transaction: Transaction, condition: Condition, text: Text): boolean {
  const { sifted, operator, negated } = condition;
  if (sifted === undefined) return operator.matches(text, transaction) !== negated;
  const candidates = sifted.sieve.candidates(text);
  if (!hasBit(candidates, sifted.bit)) return false;
  if (operator.matches(text, transaction)) return true;
  dropBit(candidates, sifted.bit);
  return false;
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

function testLink(transaction: Transaction, link: Link, condition: Condition, into: MatchedValue[]): boolean {
  const group = groupOf(transaction, condition);
  const { sifted, stages } = condition;
  if (sifted !== undefined && group.union !== undefined && !hasBit(group.union, sifted.bit)) return false;
  let any = false;
  for (let index = 0; index < group.values.length; index += 1) {
    const value = group.values[index]!;
    if (value.pinned && condition.skipsPinned) continue;
    const text = group.texts[index]!;
    if (stages.length === 0) {
      if (!holdsFor(transaction, condition, text)) continue;
      if (transaction.removals.length > 0 && isExcluded(transaction, link, value)) continue;
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
function runChain(transaction: Transaction, head: Link, into: MatchedValue[]): boolean {
  transaction.matched = [];
  for (let link: Link | undefined = head; link !== undefined; link = link.next) {
    transaction.current = link;
    if (link.condition === undefined) for (const effect of link.effects) effect(transaction, unconditional);
    else if (!testLink(transaction, link, link.condition, into)) return false;
  }
  return true;
}

function isRemoved(transaction: Transaction, link: Link): boolean {
  const { removedRules, removedTags, removedMessages } = transaction;
  if (removedRules.size > 0 && removedRules.has(link.id)) return true;
  if (removedTags.length > 0 && removedTags.some((test) => link.tags.some(test))) return true;
  return removedMessages.length > 0 && removedMessages.some((test) => test(link.message.constant ?? ''));
}

/** Names and small numbers that rules keep are no secrets; all else of a request is shown masked. */
function maskedScope(transaction: Transaction): Scope {
  return {
    lookUp(name) {
      const value = transaction.lookUp(name);
      if (name.collection === 'MATCHED_VAR_NAME') return value;
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

/** Runs the rules of one phase until one interrupts, allows, or none is left. */
export function runPhase(transaction: Transaction, rules: RuleSet): void {
  const entries = rules.phases[transaction.phase]!;
  for (let index = 0; index < entries.length; ) {
    const { link, jump } = entries[index]!;
    index += 1;
    if (transaction.mode === 'off') return;
    if (isRemoved(transaction, link)) continue;
    const values: MatchedValue[] = [];
    if (!runChain(transaction, link, values)) continue;
    record(transaction, link, values);
    disrupt(transaction, link);
    if (transaction.interruption !== undefined || transaction.allowed !== 'no') return;
    if (jump !== undefined) index = jump;
  }
}
