import { createHash } from 'node:crypto';

/** Numbers from 0 to 1, the same in every run. */
export type Dice = () => number;

export function createDice(seed: number): Dice {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export const pick = <Item>(dice: Dice, items: readonly Item[]): Item =>
  items[Math.floor(dice() * items.length)] as Item;

/** From 0 to `count` - 1. */
export const roll = (dice: Dice, count: number): number => Math.floor(dice() * count);

/** A number that nobody chose, the same in every run. */
export const digestOf = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE(0);
