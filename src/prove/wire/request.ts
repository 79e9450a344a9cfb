/** A request, to be written as it stands: nothing is checked, nothing added. */
export interface RequestText {
  readonly method: string;
  /** Request target, with the query. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Buffer;
}

/** The bytes of `request` to `authority`, after which the connection is to be closed. */
export function formatRequest(request: RequestText, authority: string): Buffer {
  const { method, target, headers, body } = request;
  const has = (name: string): boolean => headers.some(([each]) => each.toLowerCase() === name);
  const lines = [`${method} ${target} HTTP/1.1`];
  if (!has('host')) lines.push(`host: ${authority}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (body !== undefined && !has('content-length') && !has('transfer-encoding'))
    lines.push(`content-length: ${Buffer.byteLength(body)}`);
  if (!has('connection')) lines.push('connection: close');
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body ?? '')]);
}

/** `request` with further fields. */
export function withFields(request: RequestText, ...fields: (readonly [name: string, value: string])[]): RequestText {
  return { ...request, headers: [...request.headers, ...fields] };
}
