// Where in the text of a JSON file a value stands. Asked only once something is wrong, so the text is scanned anew, but
// each object and list of it at most once however many problems there are.

const space = new Set([' ', '\t', '\n', '\r']);

interface Step {
  /** What to show: the key, or the element. */
  readonly shown: number;
  readonly value: number;
}

/**
 * A function that gives the offset of the value (or, for a member, of its key) at `tokens` in valid JSON `text`. Where
 * the path leaves the document, the last offset on the way.
 */
export function createJsonLocator(text: string): (tokens: readonly string[]) => number {
  const containers = new Map<number, ReadonlyMap<string, Step>>();
  const stepsOf = (start: number): ReadonlyMap<string, Step> => {
    const known = containers.get(start) ?? (text[start] === '{' ? members(text, start) : elements(text, start));
    containers.set(start, known);
    return known;
  };
  const root = skipSpace(text, 0);
  return (tokens) => {
    let at = root;
    let found = root;
    for (const token of tokens) {
      const step = stepsOf(at).get(token);
      if (step === undefined) return found;
      found = step.shown;
      at = step.value;
    }
    return found;
  };
}

function members(text: string, start: number): ReadonlyMap<string, Step> {
  const steps = new Map<string, Step>();
  let at = skipSpace(text, start + 1);
  while (text[at] === '"') {
    const end = skipString(text, at);
    const value = skipSpace(text, skipSpace(text, end) + 1);
    steps.set(JSON.parse(text.slice(at, end)) as string, { shown: at, value });
    at = afterComma(text, skipValue(text, value));
  }
  return steps;
}

function elements(text: string, start: number): ReadonlyMap<string, Step> {
  const steps = new Map<string, Step>();
  if (text[start] !== '[') return steps;
  let at = skipSpace(text, start + 1);
  while (text[at] !== ']' && at < text.length) {
    steps.set(String(steps.size), { shown: at, value: at });
    at = afterComma(text, skipValue(text, at));
  }
  return steps;
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
  const first = text[start];
  if (first === '"') return skipString(text, start);
  if (first === '{' || first === '[') return skipContainer(text, start);
  let at = start;
  while (at < text.length && !',]}'.includes(text[at] as string) && !space.has(text[at] as string)) at++;
  return at;
}

function skipContainer(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; ) {
    const char = text[at];
    if (char === '"') {
      at = skipString(text, at);
      continue;
    }
    at++;
    if (char === '{' || char === '[') depth++;
    else if ((char === '}' || char === ']') && --depth === 0) return at;
  }
  return text.length;
}
