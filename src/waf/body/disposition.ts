// Content-Disposition of a part (RFC 7578, section 4.2): where programs differ most about what is a file, which rules do not look
// into, and what is a field, which they do.

export interface Disposition {
  readonly name: string | undefined;
  readonly fileName: string | undefined;
  /** Some programs take the part for a field although it seems to be a file. */
  readonly isAmbiguous: boolean;
  /** `name` or `filename` is there twice: programs take the first, or the last. */
  readonly isRepeated: boolean;
}

const parameterForm = /\s*([A-Za-z0-9!#$&+.^_`|~*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^;]*))/sy;
/** No further than to the next sign: parameters are many, and so may be the spaces behind the last. */
const parameterEnd = /\s*(?:;|$)/y;
/** What every program reads alike: quoted without escapes, or a token. */
const plainForm =
  /^\s*[A-Za-z-]{1,32}(?:\s*;\s*(?:[A-Za-z-]{1,32}=(?:"[^"\\]*"|[!#$&+.^_`|~%0-9A-Za-z-]*)|[A-Za-z-]{1,32}\*=[!#$&'+.^_`|~%0-9A-Za-z-]*))*\s*;?\s*$/;

/** `form-data; name="a"; filename="b"`. */
export function readDisposition(value: string, faults: Set<string>): Disposition {
  const [names, fileNames]: [string[], string[]] = [[], []];
  let extended = 0;
  for (const [key, text] of parametersOf(value, faults)) {
    if (key === 'name') names.push(text);
    else if (key === 'filename') fileNames.push(text);
    else if (key.startsWith('filename*')) extended = fileNames.push(text);
  }
  // Go takes a part without file name for a field, PHP one with `filename*` alone.
  const isNamed = fileNames.length > (extended === 0 ? 0 : 1) && fileNames[0] !== '';
  return {
    name: names[0],
    fileName: fileNames.length === 0 ? undefined : fileNames.join(' '),
    isAmbiguous: !isNamed || !plainForm.test(value),
    isRepeated: names.length > 1 || fileNames.length > (extended === 0 ? 1 : 2),
  };
}

function* parametersOf(value: string, faults: Set<string>): Generator<readonly [key: string, text: string]> {
  let at = value.indexOf(';');
  while (at >= 0 && at < value.length) {
    parameterForm.lastIndex = at + 1;
    const match = parameterForm.exec(value);
    if (match === null) {
      if (value.slice(at + 1).trim() !== '') faults.add('MULTIPART_INVALID_QUOTING');
      return;
    }
    if (match[3] !== undefined || match[4]?.includes('"')) faults.add('MULTIPART_INVALID_QUOTING');
    parameterEnd.lastIndex = parameterForm.lastIndex;
    if (!parameterEnd.test(value)) faults.add('MULTIPART_MISSING_SEMICOLON');
    at = value.indexOf(';', parameterForm.lastIndex);
    yield [match[1]!.toLowerCase(), match[2]?.replace(/\\(["\\])/g, '$1') ?? match[3] ?? match[4]?.trim() ?? ''];
  }
}
