/** `text` as a Cedar string literal. */
export function quote(text: string): string {
  const body = text.replace(/[\\"\p{Cc}]/gu, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\u{${(char.codePointAt(0) as number).toString(16)}}`,
  );
  return `"${body}"`;
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
const reserved: ReadonlySet<string> = new Set(
  'true false if then else in is like has __cedar principal action resource context permit forbid when unless'.split(
    ' ',
  ),
);

/** A field's name after `has`, or as a record's key. */
export function fieldName(name: string): string {
  return identifier.test(name) && !reserved.has(name) ? name : quote(name);
}

/** Access to a field: `.sub`, or `["https://claims.example/tier"]`. */
export function fieldAccess(name: string): string {
  return identifier.test(name) && !reserved.has(name) ? `.${name}` : `[${quote(name)}]`;
}

/** An entity's name: `Merlon::Role::"manager"`. */
export function entityText(type: string, id: string): string {
  return `${type}::${quote(id)}`;
}
