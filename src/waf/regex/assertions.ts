import { isWordByte } from './byte-set.ts';

/** No byte: before the first, after the last. */
export const noByte = -1;

const isWord = (byte: number): boolean => byte !== noByte && isWordByte(byte);

/**
 * Whether an assertion holds between the bytes `before` and `after`. `isLast`: `after` is the last byte of the text
 * (only `\Z` asks).
 */
export function holds(assertion: number, before: number, after: number, isLast: boolean): boolean {
  switch (assertion) {
    case 0:
      return before === noByte;
    case 1:
      return after === noByte;
    case 2:
      return after === noByte || (after === 10 && isLast);
    case 3:
      return before === noByte || before === 10;
    case 4:
      return after === noByte || after === 10;
    case 5:
      return isWord(before) !== isWord(after);
    default:
      return isWord(before) === isWord(after);
  }
}
