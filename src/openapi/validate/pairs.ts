// `name=value&name=value`: the query, and forms (WHATWG URL, section 5.1), read strictly.

/** The values of each name, undecoded, in order. Names are decoded. */
export type Pairs = ReadonlyMap<string, readonly string[]>;

export type PairsResult = { readonly pairs: Pairs } | { readonly fault: 'too-many' | 'malformed' };

const noPairs: PairsResult = { pairs: new Map() };

/** Splits `text`; at most `maxPairs`. */
export function parsePairs(text: string, maxPairs: number): PairsResult {
  if (text === '') return noPairs;
  const pairs = new Map<string, string[]>();
  let count = 0;
  for (let at = 0; at <= text.length; ) {
    const end = text.indexOf('&', at);
    const stop = end === -1 ? text.length : end;
    if (stop > at) {
      if (++count > maxPairs) return { fault: 'too-many' };
      const equals = text.indexOf('=', at);
      const split = equals === -1 || equals > stop ? stop : equals;
      const name = tryDecodeForm(text.slice(at, split));
      if (name === undefined) return { fault: 'malformed' };
      const value = text.slice(Math.min(split + 1, stop), stop);
      const values = pairs.get(name);
      if (values === undefined) pairs.set(name, [value]);
      else values.push(value);
    }
    at = stop + 1;
  }
  return { pairs };
}

/** Percent-decoding with `+` as a space; undefined where an escape is malformed or not UTF-8. */
export function tryDecodeForm(text: string): string | undefined {
  return tryDecodePercent(text.includes('+') ? text.replaceAll('+', ' ') : text);
}

/** Percent-decoding; undefined where an escape is malformed or not UTF-8. */
export function tryDecodePercent(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
