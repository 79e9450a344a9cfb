import type { Denial } from '../api/record.ts';
import type { UpstreamFailure } from '../net/index.ts';

/** Codes of denials by the gateway itself; the engines have their own. */
export const gatewayCodes = [
  'gateway.no-route',
  'gateway.method',
  'gateway.encoded-slash',
  'gateway.ip-denied',
  'gateway.body-too-large',
  'gateway.unreadable-request',
  'gateway.gone',
  'gateway.scanner',
  'gateway.unreadable-response',
  'gateway.response-too-large',
  'gateway.internal',
] as const;

export type GatewayCode = (typeof gatewayCodes)[number];

/** Nothing in the manifest leads there. */
export const noRoute: Denial = {
  status: 404,
  reason: {
    filter: 'route',
    code: 'gateway.no-route',
    message: 'no such resource',
    claim: 'path',
    fixes: ['add a route for this path to the manifest, if it is meant to be reachable'],
  },
};

/** A fault of ours: the request is not let through. */
export const internalFault: Denial = {
  status: 500,
  reason: { filter: 'gateway', code: 'gateway.internal', message: 'the request could not be judged' },
};

/** What the record says where the service could not be asked, or did not answer. */
export function upstreamFault({
  status,
  code,
  message,
  detail,
}: Omit<UpstreamFailure, 'detail'> & { readonly detail?: string | undefined }): Denial {
  return { status, reason: { filter: 'forward', code, message, ...(detail === undefined ? {} : { detail }) } };
}
