/** A set of code points: ranges `[first, last]`, sorted, apart. */
export type CharSet = readonly (readonly [number, number])[];

export const maxCodePoint = 0x10ffff;
/** What stands before the first character and after the last one: anchors become ordinary symbols. */
export const startSymbol = maxCodePoint + 1;
export const endSymbol = maxCodePoint + 2;

export const digits: CharSet = [[0x30, 0x39]];
export const wordChars: CharSet = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
// ECMA-262: WhiteSpace and LineTerminator.
export const spaces: CharSet = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const lineTerminators: CharSet = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];

/** The union of ranges in any order. */
export function unite(ranges: Iterable<readonly [number, number]>): CharSet {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [first, last] of sorted) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** Every character that is not in `set`. */
export function negate(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) rest.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= maxCodePoint) rest.push([next, maxCodePoint]);
  return rest;
}

/** What `.` stands for. */
export const anyChar: CharSet = negate(lineTerminators);

export function overlaps(a: CharSet, b: CharSet): boolean {
  return a.some(([first, last]) => b.some((other) => first <= other[1] && other[0] <= last));
}

export function isSubset(a: CharSet, b: CharSet): boolean {
  return a.every(([first, last]) => b.some((other) => other[0] <= first && last <= other[1]));
}

const properties = new Map<string, CharSet>();

/** The characters of a Unicode property (`L`, `Script=Greek`), asked of the engine once. Undefined where there is none of that name. */
export function tryPropertySet(name: string): CharSet | undefined {
  const known = properties.get(name);
  if (known !== undefined) return known;
  if (!/^[A-Za-z_]{1,40}(?:=[A-Za-z_]{1,40})?$/.test(name)) return undefined;
  let matcher: RegExp;
  try {
    matcher = new RegExp(`^\\p{${name}}$`, 'u');
  } catch {
    return undefined;
  }
  const ranges: [number, number][] = [];
  for (let point = 0; point <= maxCodePoint; point++) {
    if (!matcher.test(String.fromCodePoint(point))) continue;
    const last = ranges.at(-1);
    if (last?.[1] === point - 1) last[1] = point;
    else ranges.push([point, point]);
  }
  properties.set(name, ranges);
  return ranges;
}
