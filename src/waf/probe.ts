import type { HeaderField, WafRequest } from './index.ts';

const fields: readonly HeaderField[] = [
  ['Host', 'localhost'],
  ['User-Agent', 'Mozilla/5.0'],
  ['Accept', '*/*'],
];

/** A request that holds `value` in `field`, and nothing else of note. */
export function requestWith(field: string, value: string): WafRequest {
  const dot = field.indexOf('.');
  const [place, name] = dot < 0 ? [field, 'x'] : [field.slice(0, dot), field.slice(dot + 1)];
  const encoded = encodeURIComponent(value);
  const plain = {
    method: 'GET',
    uri: '/',
    protocol: 'HTTP/1.1',
    headers: fields,
    remoteAddress: '127.0.0.1',
    id: 'tune',
  };
  switch (place) {
    case 'header':
      return { ...plain, headers: [...fields.filter(([key]) => key.toLowerCase() !== name), [name, value]] };
    case 'cookie':
      return { ...plain, headers: [...fields, ['Cookie', `${name}=${encoded}`]] };
    case 'path':
      return { ...plain, uri: `/${encoded}` };
    case 'body':
      return withJson(plain, name, value);
    default:
      return { ...plain, uri: `/?${encodeURIComponent(name)}=${encoded}` };
  }
}

function withJson(plain: WafRequest, path: string, value: string): WafRequest {
  const document = path
    .split('.')
    .reduceRight<unknown>((inner, step) => (step === '*' ? [inner] : { [step]: inner }), value);
  const body = Buffer.from(JSON.stringify(document));
  const headers: HeaderField[] = [
    ...fields,
    ['Content-Type', 'application/json'],
    ['Content-Length', `${body.length}`],
  ];
  return { ...plain, method: 'POST', headers, body };
}
