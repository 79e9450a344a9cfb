import { fail } from '../evaluation-error.ts';
import { divide, type Long } from '../longs.ts';
import { typeName, type Value } from '../values.ts';
import { DateTime, Duration, parseDateTime, parseDuration } from './datetime.ts';
import { Decimal, parseDecimal } from './decimal.ts';
import { IpAddress, loopbackRanges, multicastRanges, parseIpAddress } from './ip-address.ts';

/** A function of an extension type. Methods take their receiver first. */
export interface ExtensionFunction {
  readonly arity: 1 | 2;
  readonly call: (a: Value, b: Value) => Value;
}

/** A guard: the argument as a value of its type, or an evaluation error. */
type Expect<T> = (value: Value) => T;

const text: Expect<string> = (value) => (typeof value === 'string' ? value : mismatch('string', value));
const decimal: Expect<Decimal> = (value) => (value instanceof Decimal ? value : mismatch('decimal', value));
const ip: Expect<IpAddress> = (value) => (value instanceof IpAddress ? value : mismatch('ipaddr', value));
const datetime: Expect<DateTime> = (value) => (value instanceof DateTime ? value : mismatch('datetime', value));
const duration: Expect<Duration> = (value) => (value instanceof Duration ? value : mismatch('duration', value));

function mismatch(wanted: string, value: Value): never {
  return fail(`type error: expected ${wanted}, got ${typeName(value)}`);
}

function unary<A>(expect: Expect<A>, run: (a: A) => Value): ExtensionFunction {
  return { arity: 1, call: (a) => run(expect(a)) };
}

function binary<A, B>(expectA: Expect<A>, expectB: Expect<B>, run: (a: A, b: B) => Value): ExtensionFunction {
  return { arity: 2, call: (a, b) => run(expectA(a), expectB(b)) };
}

function decimals(compare: (a: Long, b: Long) => boolean): ExtensionFunction {
  return binary(decimal, decimal, (a, b) => compare(a.units, b.units));
}

function inOneOf(ranges: readonly IpAddress[]): ExtensionFunction {
  return unary(ip, (address) => ranges.some((range) => address.isInRange(range)));
}

function durationIn(unitMs: number): ExtensionFunction {
  return unary(duration, (span) => divide(span.ms, unitMs));
}

/** Every extension function of Cedar 4, by its name in policies. */
export const extensionFunctions: ReadonlyMap<string, ExtensionFunction> = new Map([
  ['decimal', unary(text, parseDecimal)],
  ['lessThan', decimals((a, b) => a < b)],
  ['lessThanOrEqual', decimals((a, b) => a <= b)],
  ['greaterThan', decimals((a, b) => a > b)],
  ['greaterThanOrEqual', decimals((a, b) => a >= b)],

  ['ip', unary(text, parseIpAddress)],
  ['isIpv4', unary(ip, (address) => address.version === 4)],
  ['isIpv6', unary(ip, (address) => address.version === 6)],
  ['isLoopback', inOneOf(loopbackRanges)],
  ['isMulticast', inOneOf(multicastRanges)],
  ['isInRange', binary(ip, ip, (address, range) => address.isInRange(range))],

  ['datetime', unary(text, parseDateTime)],
  ['offset', binary(datetime, duration, (instant, span) => instant.offset(span))],
  ['durationSince', binary(datetime, datetime, (instant, other) => instant.durationSince(other))],
  ['toDate', unary(datetime, (instant) => instant.toDate())],
  ['toTime', unary(datetime, (instant) => instant.toTime())],

  ['duration', unary(text, parseDuration)],
  ['toMilliseconds', unary(duration, (span) => span.ms)],
  ['toSeconds', durationIn(1000)],
  ['toMinutes', durationIn(60_000)],
  ['toHours', durationIn(3_600_000)],
  ['toDays', durationIn(86_400_000)],
]);
