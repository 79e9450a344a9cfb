// Where in the text of a JSON file a value stands. Only asked for once something is wrong, so the text is scanned anew.

const space = new Set([' ', '\t', '\n', '\r']);

/**
 * The offset of the value (or, for a member, of its key) at `tokens` in valid JSON `text`. Where the path leaves the
 * document, the last offset on the way.
 */
export function offsetOf(text: string, tokens: readonly string[]): number {
  let at = skipSpace(text, 0);
  let found = at;
  for (const token of tokens) {
    const step = text[at] === '{' ? findMember(text, at, token) : findElement(text, at, token);
    if (step === undefined) return found;
    found = step.shown;
    at = step.value;
  }
  return found;
}

interface Step {
  /** What to show: the key, or the element. */
  readonly shown: number;
  readonly value: number;
}

function findMember(text: string, start: number, key: string): Step | undefined {
  let at = skipSpace(text, start + 1);
  while (text[at] === '"') {
    const end = skipString(text, at);
    const value = skipSpace(text, skipSpace(text, end) + 1);
    if (JSON.parse(text.slice(at, end)) === key) return { shown: at, value };
    at = afterComma(text, skipValue(text, value));
  }
  return undefined;
}

function findElement(text: string, start: number, index: string): Step | undefined {
  if (text[start] !== '[') return undefined;
  let at = skipSpace(text, start + 1);
  for (let left = Number(index); text[at] !== ']' && at < text.length; left--) {
    if (left === 0) return { shown: at, value: at };
    at = afterComma(text, skipValue(text, at));
  }
  return undefined;
}

function afterComma(text: string, at: number): number {
  const end = skipSpace(text, at);
  return text[end] === ',' ? skipSpace(text, end + 1) : end;
}

function skipSpace(text: string, at: number): number {
  let end = at;
  while (space.has(text[end] as string)) end++;
  return end;
}

function skipString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; ) {
    const char = text[at];
    if (char === '"') at = skipString(text, at);
    else if (char === '{' || char === '[') {
      depth++;
      at++;
    } else if (char === '}' || char === ']') {
      depth--;
      at++;
    } else if (depth === 0 && (char === ',' || space.has(char as string))) return at;
    else {
      at++;
      continue;
    }
    if (depth <= 0) return depth < 0 ? at - 1 : at;
  }
  return text.length;
}
