import { fail } from './evaluation-error.ts';

/**
 * A signed 64-bit integer: a number where it is a safe integer, else a bigint. One value has one form, so `===`
 * compares and the everyday case never leaves the number unit.
 */
export type Long = number | bigint;

const max = 2n ** 63n - 1n;
const min = -(2n ** 63n);

/** The one form of `value`, or undefined where 64 bits do not hold it. */
export function tryLong(value: bigint): Long | undefined {
  if (value > max || value < min) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function checked(value: bigint): Long {
  return tryLong(value) ?? fail('integer overflow');
}

export function isLong(value: unknown): value is Long {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** Throws `EvaluationError` on overflow, as do all of these. */
export function add(a: Long, b: Long): Long {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return checked(BigInt(a) + BigInt(b));
}

export function subtract(a: Long, b: Long): Long {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return checked(BigInt(a) - BigInt(b));
}

export function multiply(a: Long, b: Long): Long {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    // A product that had to be rounded is at least 2^53, so a safe one is exact. `+ 0` makes -0 the 0 it is.
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return checked(BigInt(a) * BigInt(b));
}

export function negate(a: Long): Long {
  return typeof a === 'number' ? 0 - a : checked(-a);
}

/** Quotient, truncated toward zero. */
export function divide(a: Long, divisor: number): Long {
  return checked(BigInt(a) / BigInt(divisor));
}

/** Largest multiple of `unit` that is not above `a`. */
export function floorTo(a: Long, unit: number): Long {
  return subtract(a, modulo(a, unit));
}

/** Remainder, never negative. */
export function modulo(a: Long, unit: number): number {
  const rest = Number(BigInt(a) % BigInt(unit));
  return rest < 0 ? rest + unit : rest;
}
