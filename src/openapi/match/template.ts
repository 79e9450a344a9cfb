/** One segment of a path template. Literals stand before, between and after its parameters: one more than those. */
export interface TemplateSegment {
  readonly literals: readonly string[];
  readonly names: readonly string[];
}

/** A parsed path template (OpenAPI 3.1.1, section 4.8.8). */
export interface Template {
  readonly segments: readonly TemplateSegment[];
  /** Of its parameters, in order. */
  readonly names: readonly string[];
  /** The template with its names left out: two of one shape match the same paths. */
  readonly shape: string;
}

/** `template` parsed, or the end of a sentence that says what is wrong with it. */
export function parseTemplate(template: string): Template | { readonly fault: string } {
  if (!template.startsWith('/')) return { fault: 'must begin with `/`' };
  if (/[?#]/.test(template)) return { fault: 'must not contain a query or fragment' };
  if (template.length > 2000) return { fault: 'is too long' };
  const segments: TemplateSegment[] = [];
  for (const text of template.slice(1).split('/')) {
    const segment = parseSegment(text);
    if (typeof segment === 'string') return { fault: segment };
    segments.push(segment);
  }
  const names = segments.flatMap((segment) => segment.names);
  if (new Set(names).size < names.length) return { fault: 'names a parameter twice' };
  return { segments, names, shape: segments.map(({ literals }) => `/${literals.join('{}')}`).join('') };
}

function parseSegment(text: string): TemplateSegment | string {
  const literals: string[] = [];
  const names: string[] = [];
  let at = 0;
  for (let open = text.indexOf('{'); open !== -1; open = text.indexOf('{', at)) {
    const close = text.indexOf('}', open);
    const name = text.slice(open + 1, close);
    if (close === -1 || name === '' || name.includes('{')) return 'has a brace that is not closed, or no name within';
    if (name === '__proto__') return 'has a parameter of a forbidden name';
    if (names.length > 0 && open === at) return 'has two parameters with nothing between them';
    literals.push(encodeLiteral(text.slice(at, open)));
    names.push(name);
    at = close + 1;
  }
  const rest = text.slice(at);
  if ([...literals, rest].some((literal) => literal.includes('}'))) return 'has a closing brace without an opening one';
  literals.push(encodeLiteral(rest));
  return { literals, names };
}

/** A literal as a normalised path spells it. */
function encodeLiteral(text: string): string {
  return text.replace(/[^\x21-\x7e]/gu, encodeURIComponent);
}
