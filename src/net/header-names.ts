// Names that most messages carry, once each: parsed names become these very strings, so that comparing them is
// comparing pointers.
const names = `
accept accept-charset accept-encoding accept-language accept-ranges access-control-allow-credentials
access-control-allow-headers access-control-allow-methods access-control-allow-origin access-control-expose-headers
access-control-max-age access-control-request-headers access-control-request-method age allow alt-svc authorization
cache-control connection content-disposition content-encoding content-language content-length content-location
content-range content-security-policy content-type cookie cross-origin-embedder-policy cross-origin-opener-policy
cross-origin-resource-policy date dnt dpop etag expect expires forwarded from host idempotency-key if-match
if-modified-since if-none-match if-range if-unmodified-since keep-alive last-event-id last-modified link location
max-forwards origin permissions-policy pragma priority proxy-authenticate proxy-authorization proxy-connection range
referer referrer-policy retry-after sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode
sec-fetch-site sec-fetch-user sec-websocket-accept sec-websocket-extensions sec-websocket-key sec-websocket-protocol
sec-websocket-version server server-timing set-cookie strict-transport-security te traceparent tracestate trailer
transfer-encoding upgrade upgrade-insecure-requests user-agent vary via warning www-authenticate
x-content-type-options x-correlation-id x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto
x-frame-options x-powered-by x-real-ip x-request-id x-requested-with`
  .trim()
  .split(/\s+/);
// Keys of an object are the very strings that literals of the source are.
const known = Object.keys(Object.fromEntries(names.map((name) => [name, name])));

const interned = new Map<string, string>();
for (const name of known) {
  interned.set(name, name);
  interned.set(
    name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()),
    name,
  );
}
for (const [spelling, name] of [
  ['ETag', 'etag'],
  ['TE', 'te'],
  ['DNT', 'dnt'],
  ['DPoP', 'dpop'],
  ['WWW-Authenticate', 'www-authenticate'],
  ['X-Request-ID', 'x-request-id'],
] as const) {
  interned.set(spelling, known[known.indexOf(name)] as string);
}

/** The lower-case form of a header field name; the same string object each time for the common ones. */
export function internName(spelling: string): string {
  return interned.get(spelling) ?? spelling.toLowerCase();
}
