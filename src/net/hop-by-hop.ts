import type { Headers } from './headers.ts';

/**
 * Fields that belong to one connection (RFC 9110, section 7.6.1) or to the framing, which the engine writes itself. They are never copied
 * from one message to another.
 */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'content-length',
  'expect',
]);

export function isHopByHop(name: string): boolean {
  return hopByHop.has(name);
}

/** Removes what does not go on to the next hop. What Connection names was removed when the message was read. */
export function dropHopByHop(headers: Headers): void {
  const { pairs } = headers;
  let kept = 0;
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at] as string;
    if (hopByHop.has(name)) continue;
    pairs[kept] = name;
    pairs[kept + 1] = pairs[at + 1] as string;
    kept += 2;
  }
  // The section that they were read from stays theirs: what is dropped here is never written, whoever writes them.
  // Setting the length would take the slow way.
  while (pairs.length > kept) pairs.pop();
}
