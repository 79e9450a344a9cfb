import { createHash } from 'node:crypto';

const toBytes = (text: string): Buffer => Buffer.from(text, 'latin1');

export const base64Encode = (text: string): string => toBytes(text).toString('base64');

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** Value of each byte as a digit; -1 where it is none. */
const digits = Int8Array.from({ length: 256 }, (_none, byte) => alphabet.indexOf(String.fromCharCode(byte)));

const maxByHand = 32;

/** Decodes up to the first byte that is not of the alphabet. Most values are short, and a Buffer costs more than they do. */
export function base64Decode(text: string): string {
  let end = 0;
  while (end < text.length && digits[text.charCodeAt(end)]! >= 0) end += 1;
  return end > maxByHand ? Buffer.from(text.slice(0, end), 'base64').toString('latin1') : decodeByHand(text, end);
}

function decodeByHand(text: string, end: number): string {
  let out = '';
  let bits = 0;
  let count = 0;
  for (let at = 0; at < end; at += 1) {
    const digit = digits[text.charCodeAt(at)]!;
    bits = ((bits << 6) | digit) & 0xfff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += String.fromCharCode((bits >> count) & 255);
  }
  return out;
}

/** Decodes what is of the alphabet and skips the rest. */
export const base64DecodeExt = (text: string): string =>
  Buffer.from(text.replace(/[^A-Za-z0-9+/]+/g, ''), 'base64').toString('latin1');

export const hexEncode = (text: string): string => toBytes(text).toString('hex');

/** Empty where the text is not pairs of hexadecimal digits throughout. */
export function hexDecode(text: string): string {
  const isHex = text.length % 2 === 0 && /^[0-9A-Fa-f]*$/.test(text);
  return isHex ? Buffer.from(text, 'hex').toString('latin1') : '';
}

/** `0x414243` as SQL reads it. */
export function sqlHexDecode(text: string): string {
  return text.replace(/0[xX]((?:[0-9A-Fa-f]{2})+)/g, (_all, digits: string) =>
    Buffer.from(digits, 'hex').toString('latin1'),
  );
}

export const md5 = (text: string): string => createHash('md5').update(toBytes(text)).digest('binary');
export const sha1 = (text: string): string => createHash('sha1').update(toBytes(text)).digest('binary');

function withParity(text: string, parity: number): string {
  return text.replace(/./gs, (byte) => {
    const code = byte.charCodeAt(0) & 0x7f;
    let bits = code;
    bits ^= bits >> 4;
    bits ^= bits >> 2;
    bits ^= bits >> 1;
    return String.fromCharCode((bits & 1) === parity ? code | 0x80 : code);
  });
}

/** Sets the eighth bit so that the number of ones is even. */
export const parityEven7bit = (text: string): string => withParity(text, 1);
export const parityOdd7bit = (text: string): string => withParity(text, 0);
export const parityZero7bit = (text: string): string =>
  text.replace(/[\x80-\xff]/g, (byte) => String.fromCharCode(byte.charCodeAt(0) & 0x7f));
