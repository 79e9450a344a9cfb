/** A part of a `like` pattern in Cedar's JSON format. */
export type PatternPart = 'Wildcard' | { readonly Literal: string };

/** A matcher of a `like` pattern: literals found in order, each at its first place, so nothing backtracks. */
export function compileLikePattern(parts: readonly PatternPart[]): (text: string) => boolean {
  const literals = literalsBetweenWildcards(parts);
  const first = literals[0] as string;
  if (literals.length === 1) return (text) => text === first;
  const last = literals.at(-1) as string;
  const middle = literals.slice(1, -1).filter((literal) => literal !== '');
  return (text) => {
    const end = text.length - last.length;
    if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const literal of middle) {
      const found = text.indexOf(literal, at);
      if (found < 0) return false;
      at = found + literal.length;
    }
    return at <= end;
  };
}

/** `a*b` gives `a`, `b`; `*` gives two empty ones. Adjacent literals are one. */
function literalsBetweenWildcards(parts: readonly PatternPart[]): string[] {
  const literals = [''];
  for (const part of parts) {
    if (part === 'Wildcard') literals.push('');
    else literals[literals.length - 1] += part.Literal;
  }
  return literals;
}
