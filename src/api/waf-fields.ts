// Two names for one place in a request: `body.items.*.note`, as the manifest has it, and `ARGS:json.items.0.note`, as rules do.

/** The SecLang variables that hold a field of a request: `body.comment` is `ARGS:json.comment` in a JSON body. */
export function variablesOf(field: string): string[] {
  if (/^[A-Z]/.test(field)) return [field];
  const dot = field.indexOf('.');
  const name = field.slice(dot + 1);
  switch (dot < 0 ? field : field.slice(0, dot)) {
    case 'query':
      return [selected('ARGS', name), selected('ARGS_GET', name)];
    case 'header':
      return [selected('REQUEST_HEADERS', name)];
    case 'cookie':
      return [selected('REQUEST_COOKIES', name)];
    case 'path':
      return ['REQUEST_FILENAME', 'REQUEST_BASENAME', 'REQUEST_URI', 'REQUEST_URI_RAW', 'REQUEST_LINE'];
    default:
      return dot < 0 ? ['ARGS_POST', 'ARGS:/^json\\./', 'REQUEST_BODY', 'XML'] : bodyVariables(name);
  }
}

const bodyVariables = (name: string): string[] =>
  [`json.${name}`, name].flatMap((key) => [selected('ARGS', key), selected('ARGS_POST', key)]);

/** `*` stands for one step of a path: an index, or a key. */
function selected(collection: string, name: string): string {
  if (!name.includes('*')) return `${collection}:${name}`;
  const pattern = name.replace(/[.$[\]]/g, '\\$&').replaceAll('*', '[^.]{1,128}');
  return `${collection}:/^${pattern}$/`;
}

const places: ReadonlyMap<string, string> = new Map([
  ['ARGS_GET', 'query'],
  ['ARGS_POST', 'body'],
  ['REQUEST_HEADERS', 'header'],
  ['REQUEST_COOKIES', 'cookie'],
]);
const pathVariables: ReadonlySet<string> = new Set(variablesOf('path'));
const writable = /^[A-Za-z0-9_@$:[\].-]{1,256}$/;

/** The field of the manifest's language that a matched variable stands for; undefined where none can name it. */
export function fieldOf(variable: string): string | undefined {
  if (pathVariables.has(variable)) return 'path';
  const colon = variable.indexOf(':');
  if (colon < 0) return /^[A-Z_]{2,40}$/.test(variable) ? variable : undefined;
  const [collection, key] = [variable.slice(0, colon), variable.slice(colon + 1)];
  if (!writable.test(key)) return undefined;
  if (/^ARGS(?:_POST)?$/.test(collection) && key.startsWith('json.'))
    return `body.${key.slice(5).replaceAll(/(^|\.)\d+(?=\.|$)/g, '$1*')}`;
  const place = collection === 'ARGS' ? 'query' : places.get(collection);
  return place === undefined ? variable : `${place}.${place === 'header' ? key.toLowerCase() : key}`;
}
