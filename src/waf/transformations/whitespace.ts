import { lowercase } from './bytes.ts';

const runs = /[\t-\r \xa0]+/g;

/** Runs that are not already a single space. */
const irregular = /[\t-\r\xa0][\t-\r \xa0]*| [\t-\r \xa0]+/g;

/** Each run of white space becomes one space. */
export const compressWhitespace = (text: string): string => text.replace(irregular, ' ');

export const removeWhitespace = (text: string): string => text.replace(runs, '');

/** Index of the first byte that is not white space. */
function contentStart(text: string): number {
  let at = 0;
  while (at < text.length && ' \t\n\v\f\r'.includes(text.charAt(at))) at += 1;
  return at;
}

export const trimLeft = (text: string): string => text.slice(contentStart(text));

export function trimRight(text: string): string {
  let end = text.length;
  while (end > 0 && ' \t\n\v\f\r'.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

export const trim = (text: string): string => trimRight(trimLeft(text));

const removedByShell = /["'\\^]+/g;
/** Separators that are not already a single space. */
const separators = /[\t\n\r,;][\t\n\r ,;]*| [\t\n\r ,;]+/g;

/** What a text has that {@link cmdLine} changes, and next to nothing else. */
const changedByShell = /["'\\^A-Z\t\n\r,;]| [ /(]/;

/** A command line as cmd.exe or a shell reads it: no quotes and carets, one space for separators, lower case. */
export function cmdLine(text: string): string {
  if (!changedByShell.test(text)) return text;
  const line = text.replace(removedByShell, '').replace(separators, ' ');
  return lowercase(line.includes(' /') || line.includes(' (') ? line.replace(/ ([/(])/g, '$1') : line);
}
