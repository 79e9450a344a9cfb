import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from './provider-types.ts';

/** How requests get from a listener to the library, which wants to stand at the root of its own host. */
export interface Mount {
  /** Makes the request one to the issuer's own host and path. False, and answered with 404, where it is not below the issuer's path. */
  enter(request: IncomingMessage, response: ServerResponse): boolean;
  /** Address of the client. */
  addressOf(context: Context): string;
}

/**
 * Mounts the library at the path of `issuer`. Whatever `Host` and `X-Forwarded-*` say, host and scheme become the
 * issuer's, so that no header can bend a link, a cookie or a redirect.
 */
export function createMount(issuer: URL, trustProxyHeaders: boolean): Mount {
  const { host, protocol, pathname } = issuer;
  const addresses = new WeakMap<IncomingMessage, string>();
  return {
    enter(request, response) {
      const url = request.url ?? '/';
      const rest = url.slice(pathname.length);
      if (!url.startsWith(pathname) || !(rest.startsWith('/') || rest.startsWith('?'))) {
        response.writeHead(404, { 'content-length': 0 }).end();
        return false;
      }
      addresses.set(request, clientAddress(request, trustProxyHeaders));
      for (const name of Object.keys(request.headers))
        if (name.startsWith('x-forwarded-')) delete request.headers[name];
      request.headers.host = host;
      request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
      Object.assign(request, { originalUrl: url, url: rest });
      return true;
    },
    addressOf: ({ req }) => addresses.get(req) ?? '',
  };
}

/** The last hop that `X-Forwarded-For` names is the one that our gateway saw itself; those before it are hearsay. */
function clientAddress({ headers, socket }: IncomingMessage, trustProxyHeaders: boolean): string {
  const forwarded = trustProxyHeaders ? headers['x-forwarded-for'] : undefined;
  const hops = Array.isArray(forwarded) ? forwarded.join(',') : forwarded;
  return hops?.slice(hops.lastIndexOf(',') + 1).trim() || socket.remoteAddress || '';
}
