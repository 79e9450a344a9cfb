// Which ASCII character code page 20127 takes for a character that it lacks. Attackers use it the other way round.

const punctuation: readonly (readonly [number, number, string])[] = [
  [0x2010, 0x2015, '-'],
  [0x2018, 0x201b, "'"],
  [0x201c, 0x201f, '"'],
  [0x2032, 0x2032, "'"],
  [0x2033, 0x2033, '"'],
  [0x2035, 0x2035, '`'],
  [0x2039, 0x2039, '<'],
  [0x203a, 0x203a, '>'],
  [0x2044, 0x2044, '/'],
  [0x2212, 0x2212, '-'],
  [0x2215, 0x2216, '/'],
  [0x2223, 0x2223, '|'],
  [0x2236, 0x2236, ':'],
  [0x2329, 0x2329, '<'],
  [0x232a, 0x232a, '>'],
  [0x3008, 0x3008, '<'],
  [0x3009, 0x3009, '>'],
];

const latin = new Map(
  [
    ...'\xa0 \xa1!\xa2c\xa4$\xa5Y\xa6|\xa9C\xaaa\xab<\xad-\xaeR\xb22\xb33\xb7.\xb8,\xb91\xbao\xbb>\xc6A\xd0D\xd8O\xe6a\xf8o'.matchAll(
      /(.)(.)/gs,
    ),
  ].map(([, from, to]) => [from!.charCodeAt(0), to!.charCodeAt(0)]),
);

/** Where characters decompose into a letter and its accents, or are full-width forms. */
const decomposes = (point: number): boolean =>
  (point >= 0xc0 && point < 0x2500) || (point >= 0xff01 && point <= 0xff5e);

/** The ASCII character that is taken for a code point; undefined where it is like none. */
export function nearestAscii(point: number): number | undefined {
  const letter = latin.get(point);
  if (letter !== undefined) return letter;
  for (const [first, last, character] of punctuation)
    if (point >= first && point <= last) return character.charCodeAt(0);
  if (!decomposes(point)) return undefined;
  const plain = String.fromCharCode(point).normalize('NFKD').charCodeAt(0);
  return plain < 0x80 ? plain : undefined;
}

const known = new Map<number, number>();

/** The byte that stands for a code point of the basic plane: its nearest ASCII character, else its low byte. */
export function bestFit(point: number): number {
  if (point < 0x80) return point;
  const found = known.get(point);
  if (found !== undefined) return found;
  const byte = nearestAscii(point) ?? point & 0xff;
  known.set(point, byte);
  return byte;
}
