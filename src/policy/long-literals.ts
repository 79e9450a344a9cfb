import type { ExpressionJson } from '../api/policy.ts';
import { tokenize } from './source-tokens.ts';

// The official parser hands its result over as JavaScript numbers, which round from 2^53 on: a policy would then
// decide on another number than its author wrote. So long literals go through it as placeholders. Every literal of 16
// digits or more is replaced, so whatever comes back at or above `firstPlaceholder` is one of ours.
const minDigits = 16;
const firstPlaceholder = 8_000_000_000_000_000;

/** `text` with its long integer literals replaced; `restore` puts them back, as `{ Long }`, in the parsed expression. */
export function shieldLongLiterals(text: string): { text: string; restore: (body: ExpressionJson) => ExpressionJson } {
  const literals: bigint[] = [];
  let shielded = '';
  let end = 0;
  for (const token of tokenize(text)) {
    if (token.text.length < minDigits || !/^\d+$/.test(token.text)) continue;
    shielded += text.slice(end, token.start) + (firstPlaceholder + literals.length);
    literals.push(BigInt(token.text));
    end = token.end;
  }
  if (literals.length === 0) return { text, restore: (body) => body };
  return { text: shielded + text.slice(end), restore: (body) => restore(body, literals) as ExpressionJson };
}

function restore(json: unknown, literals: readonly bigint[]): unknown {
  if (Array.isArray(json)) return json.map((item) => restore(item, literals));
  if (typeof json !== 'object' || json === null) return json;
  const fields = Object.entries(json);
  const value = fields.length === 1 && fields[0]?.[0] === 'Value' ? fields[0][1] : undefined;
  if (typeof value === 'number' && Math.abs(value) >= firstPlaceholder) {
    const long = literals[Math.abs(value) - firstPlaceholder] as bigint;
    return { Long: String(value < 0 ? -long : long) };
  }
  return Object.fromEntries(fields.map(([name, inner]) => [name, restore(inner, literals)]));
}
