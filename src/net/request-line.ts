import { isNormal, normalisePath } from './path.ts';
import type { RequestLine } from './request.ts';
import { parseTarget, type Target } from './target.ts';

/** Takes the target of a request line apart. Throws `net.bad-target`, `net.bad-path`, `net.connect-refused`. */
export function readRequestLine(line: {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1' | '2';
}): RequestLine {
  const { method, target: rawTarget, version } = line;
  // The common case, a normal path without a query, costs one look at each character.
  if (isNormal(rawTarget) && method !== 'CONNECT') {
    const target = { path: rawTarget, query: undefined, authority: undefined, scheme: undefined };
    return { method, rawTarget, version, target, normal: { path: rawTarget, hasEncodedSlash: false } };
  }
  const target: Target = parseTarget(method, rawTarget);
  const normal = target.path === '*' ? { path: '*', hasEncodedSlash: false } : normalisePath(target.path);
  return { method, rawTarget, version, target, normal };
}
