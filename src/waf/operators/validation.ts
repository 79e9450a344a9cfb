import { MerlonError } from '../../core/errors.ts';
import { bytesOfText } from '../match/text.ts';
import { addRange, type ByteSet, complement, emptySet, isSubset, setOf } from '../regex/byte-set.ts';
import type { Requirements } from '../regex/requirements.ts';
import { hexAt } from '../transformations/bytes.ts';
import { sequenceLength } from '../transformations/url.ts';
import type { OperatorFactory } from './operator.ts';

// These operators match what is *not* valid.

const needing = (set: ByteSet): Requirements => ({ literals: undefined, sets: [set], minLength: 1 });

/** `32-126,9,10`. */
const validateByteRange: OperatorFactory = (parameter) => {
  const allowed = emptySet();
  for (const range of parameter
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')) {
    const match = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(range);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || first > last || last > 255) {
      throw new MerlonError({ code: 'waf.bad-value', message: `\`${range}\` is not a range of bytes` });
    }
    addRange(allowed, first, last);
  }
  return {
    matches: (text) => !isSubset(bytesOfText(text), allowed),
    requirements: needing(complement(allowed)),
  };
};

function hasBadEscape(text: string): boolean {
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', at + 1)) if (hexAt(text, at + 1, 2) < 0) return true;
  return false;
}

function hasBadUtf8(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) < 0x80) continue;
    const length = sequenceLength(text, at);
    if (length === 1) return true;
    at += length - 1;
  }
  return false;
}

export const validationOperators: Readonly<Record<string, OperatorFactory>> = {
  validateByteRange,
  validateUrlEncoding: () => ({
    matches: (text) => hasBadEscape(text.raw),
    requirements: needing(setOf([0x25, 0x25])),
  }),
  validateUtf8Encoding: () => ({
    matches: (text) => hasBadUtf8(text.raw),
    requirements: needing(setOf([0x80, 0xff])),
  }),
};
