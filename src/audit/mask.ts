// What must not be stored is taken out before it is: e-mail addresses, card numbers, tokens and query strings.
// Patterns are bounded and the text is cut first, so that hostile input costs a bounded time.

import type { AuditEvent, Decision, LedgerRecord, Principal, Reason, WafFindings } from '../api/record.ts';

const maxTextLength = 2_048;
const maxItems = 64;
const maxItemLength = 512;

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}…` : text);

/** At most 2,048 characters of `text`. */
export const cutText = (text: string): string => cut(text, maxTextLength);

const email = /[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})/g;
const cardCandidate = /(?<![0-9])[0-9](?:[ -]?[0-9]){11,18}(?![0-9])/g;
const tokens: readonly RegExp[] = [
  // JWS and JWE in compact form (RFC 7515, RFC 7516), also cut short.
  /eyJ[A-Za-z0-9_-]{4,2048}(?:\.[A-Za-z0-9_-]{0,2048}){0,4}/g,
  // The prefixes by which vendors mark their tokens, so that scanners find them.
  /\b(?:(?:sk|rk|pk)_(?:live|test)_|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|AKIA|ASIA|hv[sbr]\.|npm_|mk_|mlt_)[A-Za-z0-9_.-]{8,512}/g,
  /(?<![A-Za-z])(?:Bearer|Basic|DPoP)\s{1,8}[A-Za-z0-9._~+/=-]{8,2048}/gi,
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]{0,2048}/g,
];
// `password: x` in any form; of `token` and `secret`, which sentences use too, only `token=x` and `"token": "x"`.
const assignments: readonly RegExp[] = [
  /(password|passwd|pwd|api[_-]?key|client[_-]?secret)(["']?\s{0,4}[=:]\s{0,4}["']?)(?!\[)[^\s"'&,;]{1,2048}/gi,
  /(secret|token|authorization)(=["']?|["']\s{0,4}:\s{0,4}["']?)(?!\[)[^\s"'&,;]{1,2048}/gi,
];
const query = /\?[^\s"'`]{0,2048}/g;

// Nearly all text is free of anything to mask; this one look tells.
const suspicious = /[@?=:]|(?:[0-9][ -]?){11}[0-9]|eyJ|_|hv[sbr]\.|AKIA|ASIA|xox|glpat|Bearer|Basic|DPoP|-----/i;

/** Whether `digits` pass the check of payment cards (ISO/IEC 7812-1, annex B: Luhn). */
export function isLuhn(digits: string): boolean {
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = digits.charCodeAt(digits.length - 1 - at) - 48;
    sum += at % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return sum % 10 === 0;
}

function maskCard(found: string): string {
  const digits = found.replaceAll(/[ -]/g, '');
  return isLuhn(digits) ? `[card …${digits.slice(-4)}]` : found;
}

/** `text` without tokens, keys, passwords and card numbers; at most 2,048 characters of it. */
export function maskSecrets(text: string): string {
  let masked = cut(text, maxTextLength);
  if (!suspicious.test(masked)) return masked;
  for (const pattern of tokens) masked = masked.replace(pattern, '[token]');
  for (const pattern of assignments) masked = masked.replace(pattern, '$1$2[secret]');
  return masked.replace(cardCandidate, maskCard);
}

/** `text` without secrets, e-mail addresses (their domain stays) and query strings; at most 2,048 characters of it. */
export function maskText(text: string): string {
  const masked = maskSecrets(text);
  return suspicious.test(masked) ? masked.replace(query, '').replace(email, '[email @$1]') : masked;
}

/**
 * A path without its query, and with what is sensitive in its segments masked. Percent-encoded `@` is seen too.
 */
export function maskPath(path: string): string {
  const end = path.indexOf('?');
  const bare = end < 0 ? path : path.slice(0, end);
  return maskText(bare.includes('%40') ? bare.replaceAll('%40', '@') : bare);
}

function maskMembers<T extends object>(value: T, mask: (text: string) => string): T {
  let changed: { [name: string]: unknown } | undefined;
  for (const [name, member] of Object.entries(value)) {
    const masked = typeof member === 'string' ? mask(member) : Array.isArray(member) ? maskList(member, mask) : member;
    if (masked === member) continue;
    changed = { ...value, ...changed, [name]: masked };
  }
  return (changed as T | undefined) ?? value;
}

// Lists are cut too: with that no record can outgrow what the ledger takes.
function maskList(list: readonly unknown[], mask: (text: string) => string): readonly unknown[] {
  const masked = list
    .slice(0, maxItems)
    .map((item) => (typeof item === 'string' ? cut(mask(item), maxItemLength) : item));
  return masked.length === list.length && masked.every((item, at) => item === list[at]) ? list : masked;
}

// Who acted is what an audit is for: a principal keeps its name, even where that is an e-mail address.
export const maskPrincipal = (principal: Principal): Principal => maskMembers(principal, maskSecrets);

function maskReason(reason: Reason): Reason {
  const masked = maskMembers(reason, maskText);
  // A policy's clause may well contain `?`; it is the operator's own text.
  return reason.clause === undefined || masked.clause === reason.clause
    ? masked
    : { ...masked, clause: maskSecrets(reason.clause) };
}

// Values come as their shape alone; the name of a field is the caller's own text.
function maskWaf(waf: WafFindings): WafFindings {
  const matches = waf.matches.slice(0, maxItems).map((match) => maskMembers(match, maskMatchText));
  return { ...waf, matches };
}

const maskMatchText = (text: string): string => cut(maskText(text), maxItemLength);

// What neither the caller nor its token can put text of its own into is only cut.
const cutOnly = ['method', 'remoteAddress', 'route', 'service', 'operation', 'traceId', 'snapshot'] as const;

function maskDecision(decision: Decision): Decision {
  const path = maskPath(decision.path);
  const host = maskSecrets(decision.host);
  const principal = decision.principal && maskPrincipal(decision.principal);
  const reason = decision.reason && maskReason(decision.reason);
  const tooLong = cutOnly.some((name) => (decision[name]?.length ?? 0) > maxTextLength);
  const waf = decision.waf && maskWaf(decision.waf);
  const same =
    path === decision.path &&
    host === decision.host &&
    principal === decision.principal &&
    reason === decision.reason &&
    waf === undefined;
  if (same && !tooLong) return decision;
  const masked = {
    ...decision,
    path,
    host,
    ...(principal && { principal }),
    ...(reason && { reason }),
    ...(waf && { waf }),
  };
  return tooLong ? maskMembers(masked, (text) => cut(text, maxTextLength)) : masked;
}

function maskEvent(event: AuditEvent): AuditEvent {
  const actor = maskPrincipal(event.actor);
  const target = maskPath(event.target);
  const detail = event.detail && maskMembers(event.detail, maskText);
  return { ...event, actor, target, ...(detail && { detail }) };
}

/** `record` with everything masked that must not be stored; the same object where there is nothing to mask. */
export function maskRecord<T extends LedgerRecord>(record: T): T {
  return (record.kind === 'decision' ? maskDecision(record) : maskEvent(record)) as T;
}
