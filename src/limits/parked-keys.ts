import { KeyTable } from './key-table.ts';
import { rateSpecOf, type TokenRule } from './limit-state.ts';

const sharedCells = 64;

/**
 * Where the broker keeps the buckets of keys that nobody holds a slice of: 27 bytes each instead of an account, within a
 * fixed bound. INVARIANT: a limited key is never forgotten, however many others come.
 */
export class ParkedKeys {
  readonly #maxKeys: number;
  // Taken when it is first needed: many a deployment never has a key that is not in use.
  #table: KeyTable | undefined;
  readonly #seeds = new WeakMap<TokenRule, number>();

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  get bytes(): number {
    return this.#table?.bytes ?? 0;
  }

  /** False: there is no room that may be taken; whoever asks keeps the bucket. `tat`: when it is whole again. */
  park(rule: TokenRule, key: string, tat: number, nowMs: number): boolean {
    if (rule.kind !== 'rate') return false;
    const table = (this.#table ??= new KeyTable(this.#maxKeys));
    const known = table.find(this.#seedOf(rule, table), key);
    const slot = known >= 0 ? known : table.claim(nowMs);
    if (slot < 0) return false;
    const { intervalMs, burst } = rateSpecOf(rule);
    table.set(slot, tat, (burst - 1) * intervalMs);
    return true;
  }

  /** When the bucket of a parked key is whole again; undefined: it is. */
  find(rule: TokenRule, key: string): number | undefined {
    const table = this.#table;
    const slot = table?.find(this.#seedOf(rule, table), key) ?? -1;
    return slot < 0 ? undefined : table?.time(slot);
  }

  /** Under which of few names a key is counted where even accounts have run out. */
  sharedNameOf(key: string): string {
    const table = (this.#table ??= new KeyTable(this.#maxKeys));
    table.hasher.hash(0, key);
    return `\0shared${table.hasher.low % sharedCells}`;
  }

  /** A rule that was changed is another: what was counted under the former one is not its count. */
  #seedOf(rule: TokenRule, table: KeyTable): number {
    let seed = this.#seeds.get(rule);
    if (seed === undefined) {
      table.hasher.hash(0, JSON.stringify(rule));
      seed = table.hasher.low | 0;
      this.#seeds.set(rule, seed);
    }
    return seed;
  }
}
