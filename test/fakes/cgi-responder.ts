// A service that reads its requests as programs behind CGI, WSGI and Rack do: `-` and `_` of a field's name are one, and what
// well-known fields say of caller, address, method and path is believed. For tests of what must not arrive.
import { createServer, type IncomingMessage } from 'node:http';

function variables({ rawHeaders }: IncomingMessage): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).replaceAll('-', '_').toUpperCase();
    const before = values.get(name);
    const value = rawHeaders[at + 1] as string;
    values.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return values;
}

createServer((request, response) => {
  const values = variables(request);
  const first = (...names: readonly string[]): string | undefined =>
    names.map((name) => values.get(name)).find((value) => value !== undefined);
  const seen = {
    user: first('X_FORWARDED_USER', 'X_REMOTE_USER', 'X_USER_ID', 'REMOTE_USER', 'MERLON_SUBJECT'),
    subject: first('MERLON_SUBJECT'),
    roles: first('MERLON_ROLES'),
    address: first('CF_CONNECTING_IP', 'TRUE_CLIENT_IP', 'X_REAL_IP', 'X_FORWARDED_FOR'),
    method: first('X_HTTP_METHOD_OVERRIDE', 'X_METHOD_OVERRIDE', 'X_ORIGINAL_METHOD') ?? request.method,
    path: first('X_ORIGINAL_URL', 'X_REWRITE_URL', 'X_HTTP_PATH_OVERRIDE') ?? request.url,
    proxy: first('PROXY'),
  };
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(seen));
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
