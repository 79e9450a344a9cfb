import { lowercase, uppercase } from './bytes.ts';
import { removeComments, removeCommentsChar, replaceComments } from './comments.ts';
import * as encoding from './encoding.ts';
import { htmlEntityDecode } from './html.ts';
import { normalisePath, normalisePathWin } from './path.ts';
import { cssDecode, escapeSeqDecode, jsDecode } from './script.ts';
import { foldToAscii, urlDecode, urlDecodeUni, urlEncode, utf8toUnicode } from './url.ts';
import { cmdLine, compressWhitespace, removeWhitespace, trim, trimLeft, trimRight } from './whitespace.ts';

/** From byte string to byte string. Returns its very argument where nothing changes, wherever that is cheap to know. */
export type Transformation = (text: string) => string;

/** By name in lower case. */
export const transformations: ReadonlyMap<string, Transformation> = new Map(
  Object.entries({
    base64Decode: encoding.base64Decode,
    base64DecodeExt: encoding.base64DecodeExt,
    base64Encode: encoding.base64Encode,
    cmdLine,
    compressWhitespace,
    cssDecode,
    escapeSeqDecode,
    foldToAscii,
    hexDecode: encoding.hexDecode,
    hexEncode: encoding.hexEncode,
    htmlEntityDecode,
    jsDecode,
    length: (text: string) => String(text.length),
    lowercase,
    md5: encoding.md5,
    none: (text: string) => text,
    normalisePath,
    normalizePath: normalisePath,
    normalisePathWin,
    normalizePathWin: normalisePathWin,
    parityEven7bit: encoding.parityEven7bit,
    parityOdd7bit: encoding.parityOdd7bit,
    parityZero7bit: encoding.parityZero7bit,
    removeComments,
    removeCommentsChar,
    removeNulls: (text: string) => text.replaceAll('\0', ''),
    removeWhitespace,
    replaceComments,
    replaceNulls: (text: string) => text.replaceAll('\0', ' '),
    sha1: encoding.sha1,
    sqlHexDecode: encoding.sqlHexDecode,
    trim,
    trimLeft,
    trimRight,
    uppercase,
    urlDecode,
    urlDecodeUni,
    urlEncode,
    utf8toUnicode,
  }).map(([name, transform]) => [name.toLowerCase(), transform]),
);
