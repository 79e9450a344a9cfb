import { fail } from '../evaluation-error.ts';
import { type Long, tryLong } from '../longs.ts';
import type { Extension } from '../values.ts';

const shape = /^(-?)(\d+)\.(\d{1,4})$/;

/** A fixed-point number with four digits after the point, in 64 bits. */
export class Decimal implements Extension {
  readonly extension = 'decimal';
  /** Ten-thousandths. */
  readonly units: Long;

  constructor(units: Long) {
    this.units = units;
  }

  equals(other: Extension): boolean {
    return other instanceof Decimal && other.units === this.units;
  }

  toString(): string {
    const digits = String(this.units).replace('-', '').padStart(5, '0');
    return `${this.units < 0 ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
  }
}

/** `decimal("12.34")`. Throws `EvaluationError` where `text` is no decimal or too large. */
export function parseDecimal(text: string): Decimal {
  const parts = shape.exec(text) ?? fail(`\`${text}\` is no decimal`);
  const digits = `${parts[1]}${parts[2]}${(parts[3] as string).padEnd(4, '0')}`;
  return new Decimal(tryLong(BigInt(digits)) ?? fail(`\`${text}\` is too large for a decimal`));
}
