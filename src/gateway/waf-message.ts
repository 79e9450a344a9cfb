import type { Headers, ServerRequest } from '../net/index.ts';
import type { HeaderField, WafRequest } from '../waf/index.ts';
import type { Exchange } from './exchange.ts';

/** A request as rules see it: what stands on the wire, and who the gateway says that it is from. */
export function wafRequestOf({ request, caller, id }: Exchange): WafRequest {
  const { principal } = caller;
  return {
    method: request.method,
    uri: request.rawTarget,
    protocol: request.httpVersion === '2' ? 'HTTP/2.0' : `HTTP/${request.httpVersion}`,
    headers: requestFields(request),
    remoteAddress: request.client.address,
    remotePort: request.remotePort,
    serverPort: request.localPort,
    id,
    user: principal.kind === 'anonymous' ? undefined : principal.id,
  };
}

/** HTTP/2 has the host in its pseudo-header fields; rules look for the field. */
function requestFields({ headers, host }: ServerRequest): HeaderField[] {
  const fields = fieldsOf(headers);
  if (host !== '' && !headers.has('host')) fields.unshift(['host', host]);
  return fields;
}

export function fieldsOf({ pairs }: Headers): HeaderField[] {
  const fields: HeaderField[] = [];
  for (let at = 0; at < pairs.length; at += 2) fields.push([pairs[at] as string, pairs[at + 1] as string]);
  return fields;
}
