// The formats of JSON Schema 2020-12 (validation, section 7.3) and of OpenAPI's registry, each checked in time linear in the
// text. Stricter than some libraries: what a lenient parser behind us might read in another way is refused here.
import { isIPv4, isIPv6 } from 'node:net';

export type TextFormat = (text: string) => boolean;
export type NumberFormat = (value: number) => boolean;

const datePattern = /^(\d{4})-(\d\d)-(\d\d)$/;
const timePattern = /^(\d\d):(\d\d):(\d\d)(?:\.\d{1,18})?(?:[Zz]|[+-](\d\d):(\d\d))$/;

function isDate(text: string): boolean {
  const [, year, month, day] = datePattern.exec(text) ?? [];
  if (year === undefined) return false;
  const last = daysInMonth(Number(year), Number(month));
  return Number(day) >= 1 && Number(day) <= last;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  if (month < 1 || month > 12) return 0;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isTime(text: string): boolean {
  const [, hour, minute, second, offsetHour = '0', offsetMinute = '0'] = timePattern.exec(text) ?? [];
  if (hour === undefined) return false;
  const leap = Number(second) === 60 && Number(minute) === 59; // RFC 3339, section 5.7
  return (
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    (Number(second) < 60 || leap) &&
    Number(offsetHour) < 24 &&
    Number(offsetMinute) < 60
  );
}

function isDateTime(text: string): boolean {
  return (text[10] === 'T' || text[10] === 't') && isDate(text.slice(0, 10)) && isTime(text.slice(11));
}

// RFC 3339, appendix A: units may be left out at either end but not in between.
const weeks = /^P\d{1,9}W$/;
const durationPattern =
  /^P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})D)?(T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?$/;

function isDuration(text: string): boolean {
  if (weeks.test(text)) return true;
  const parts = durationPattern.exec(text);
  if (parts === null) return false;
  const date = [parts[1], parts[2], parts[3]];
  const time = [parts[5], parts[6], parts[7]];
  const hasTime = time.some((part) => part !== undefined);
  return (
    (parts[4] === undefined || hasTime) &&
    (hasTime || date.some((part) => part !== undefined)) &&
    isUnbroken(date) &&
    isUnbroken(time)
  );
}

function isUnbroken([first, second, third]: readonly (string | undefined)[]): boolean {
  return first === undefined || third === undefined || second !== undefined;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const label = /^[A-Za-z0-9-]{1,63}$/;

function isHostname(text: string): boolean {
  return (
    text.length <= 253 &&
    text.split('.').every((part) => label.test(part) && !part.startsWith('-') && !part.endsWith('-'))
  );
}

const atom = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+$/;

function isEmail(text: string): boolean {
  const sign = text.lastIndexOf('@');
  const local = text.slice(0, sign);
  return (
    sign > 0 &&
    text.length <= 320 &&
    local.length <= 64 &&
    local.split('.').every((part) => atom.test(part)) &&
    isHostname(text.slice(sign + 1))
  );
}

const uriChars = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;
const iriChars = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=\u{a0}-\u{10ffff}]|%[0-9A-Fa-f]{2})*$/u;
const scheme = /^[A-Za-z][A-Za-z0-9+.-]{0,30}:/;

function isReference(text: string, chars: RegExp): boolean {
  const fragment = text.indexOf('#');
  return chars.test(text) && (fragment === -1 || !text.includes('#', fragment + 1)) && hasValidAuthority(text);
}

/** Brackets enclose an IPv6 address and nothing else (RFC 3986, section 3.2.2). */
function hasValidAuthority(text: string): boolean {
  const open = text.indexOf('[');
  if (open === -1) return !text.includes(']');
  const close = text.indexOf(']');
  return (
    close > open &&
    isIPv6(text.slice(open + 1, close)) &&
    !text.includes('[', open + 1) &&
    !text.includes(']', close + 1)
  );
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;
const base64Url = /^[A-Za-z0-9_-]*={0,2}$/;
const jsonPointer = /^(?:\/(?:[^~/]|~[01])*)*$/;

function isRegex(text: string): boolean {
  if (text.length > 1000) return false;
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

const anyText: TextFormat = () => true;

/** By name. A name that is missing here says nothing about validity. */
export const textFormats: ReadonlyMap<string, TextFormat> = new Map<string, TextFormat>([
  ['date', isDate],
  ['time', isTime],
  ['date-time', isDateTime],
  ['duration', isDuration],
  ['uuid', (text) => uuid.test(text)],
  ['email', isEmail],
  [
    'idn-email',
    (text) => text.length <= 320 && text.lastIndexOf('@') > 0 && !text.endsWith('@') && !/[\s\0-\x1f]/.test(text),
  ],
  ['hostname', isHostname],
  [
    'idn-hostname',
    (text) =>
      text.length <= 253 &&
      !/[\s\0-\x2c/\x3a-\x40[-^`{-\x7f]/.test(text) &&
      text.split('.').every((part) => part !== ''),
  ],
  ['ipv4', isIPv4],
  ['ipv6', (text) => isIPv6(text) && !text.includes('%')],
  ['uri', (text) => scheme.test(text) && isReference(text, uriChars)],
  ['uri-reference', (text) => isReference(text, uriChars)],
  ['iri', (text) => scheme.test(text) && isReference(text, iriChars)],
  ['iri-reference', (text) => isReference(text, iriChars)],
  ['json-pointer', (text) => jsonPointer.test(text)],
  ['regex', isRegex],
  ['byte', (text) => text.length % 4 === 0 && base64.test(text)],
  ['base64url', (text) => base64Url.test(text)],
  ['char', (text) => [...text].length === 1],
  ['binary', anyText],
  ['password', anyText],
]);

function whole(bits: number, signed: boolean): NumberFormat {
  const min = signed ? -(2 ** (bits - 1)) : 0;
  const max = signed ? 2 ** (bits - 1) : 2 ** bits;
  // Above 2^53 a number is the nearest double, so that 2^63 itself may stand for 2^63 - 1.
  const limit = bits > 53 ? max : max - 1;
  return (value) => Number.isInteger(value) && value >= min && value <= limit;
}

/** Formats of numbers, by name. */
export const numberFormats: ReadonlyMap<string, NumberFormat> = new Map<string, NumberFormat>([
  ['int8', whole(8, true)],
  ['int16', whole(16, true)],
  ['int32', whole(32, true)],
  ['int64', whole(64, true)],
  ['uint8', whole(8, false)],
  ['uint16', whole(16, false)],
  ['uint32', whole(32, false)],
  ['uint64', whole(64, false)],
  ['float', (value) => Number.isFinite(Math.fround(value))],
  ['double', Number.isFinite],
]);
