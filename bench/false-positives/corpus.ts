// Ordinary requests: texts that people post into a free field, and records of people and things. None is an attack.
import { globSync, readFileSync } from 'node:fs';
import { createDice, type Dice, pick, roll } from './dice.ts';
import { drawFresh, drawTuned, sources } from './documents.ts';
import { customer, date, type Fields, item, uuid } from './people.ts';

/**
 * Rules are made better by the texts of the first part, and by all others of the documents that those of the second are not of. Nobody
 * looks into the second. Should somebody do, or make a rule better by what it tells, it is fresh no more: documents that nobody has looked
 * into are the next fresh part (`folds` of documents.ts).
 */
export const parts = ['tuned', 'fresh'] as const;
export type Part = (typeof parts)[number];

export interface OrdinaryRequest {
  readonly kind: string;
  readonly part: Part;
  readonly path: '/api/orders' | '/api/customers' | '/api/items';
  readonly fields: Fields;
}

const order = (dice: Dice, note: string): Fields => ({
  id: uuid(dice),
  quantity: 1 + roll(dice, 9),
  placed: date(dice),
  state: pick(dice, ['open', 'paid', 'sent']),
  note,
});

/** Sets what was there before apart from what is new. */
function createSieve(): (text: string) => boolean {
  const known = new Set<string>();
  return (text) => !known.has(text) && known.add(text) !== undefined;
}

function words(dice: Dice, many: number): string[] {
  const files = globSync('/usr/share/dict/{words,*-english,french,german,ngerman,spanish,italian}');
  const all = files.flatMap((file) => readFileSync(file, 'utf8').split('\n')).filter((word) => word.length > 1);
  if (all.length === 0) return [];
  return Array.from({ length: many }, () =>
    Array.from({ length: 3 + roll(dice, 12) }, () => pick(dice, all)).join(' '),
  );
}

function* texts(share: number): Generator<{ kind: string; part: Part; text: string }> {
  const isNew = createSieve();
  for (const source of sources) {
    const drawn = { tuned: drawTuned(source, share, isNew), fresh: drawFresh(source, share, isNew) };
    for (const part of parts) for (const text of drawn[part]) yield { kind: source.kind, part, text };
  }
  for (const [at, part] of parts.entries()) {
    const dice = createDice(7 + at);
    for (const text of words(dice, Math.ceil(200 * share))) yield { kind: 'words', part, text };
  }
}

/** @param share 1 gives more than 12,000 where Debian's documents are installed. */
export function gatherRequests(share: number): OrdinaryRequest[] {
  const dice = createDice(2026);
  const found: OrdinaryRequest[] = [];
  for (const { kind, part, text } of texts(share)) {
    found.push({ kind, part, path: '/api/orders', fields: order(dice, text) });
  }
  for (const part of parts) {
    for (let count = 0; count < Math.ceil(500 * share); count += 1)
      found.push({ kind: 'names, addresses', part, path: '/api/customers', fields: customer(dice) });
    for (let count = 0; count < Math.ceil(300 * share); count += 1)
      found.push({ kind: 'numbers, codes', part, path: '/api/items', fields: item(dice) });
  }
  return found;
}
