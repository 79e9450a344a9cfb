import type { Denial } from '../../api/record.ts';
import type { CompileFilter } from './filter.ts';

/**
 * `gateway.ipDeny` and `gateway.ipAllow`. Deny wins. A list of files that are all empty lets nobody in: an allow list
 * that somebody has emptied is not one that was never there.
 */
export const ipAccess: CompileFilter = ({ ipAllow, ipDeny, weaknesses }) => {
  if (weaknesses.has('ip.access') || (ipAllow === undefined && ipDeny === undefined)) return undefined;
  return ({ request }) => {
    const { address } = request.client;
    if (ipDeny?.has(address)) return refuse('ipDeny', address, ipDeny.describe(address));
    return ipAllow === undefined || ipAllow.has(address) ? undefined : refuse('ipAllow', address, undefined);
  };
};

function refuse(list: 'ipAllow' | 'ipDeny', address: string, network: string | undefined): Denial {
  const fix = list === 'ipDeny' ? 'remove its network from `gateway.ipDeny`' : 'add its network to `gateway.ipAllow`';
  return {
    status: 403,
    reason: {
      filter: 'ip-access',
      code: 'gateway.ip-denied',
      message: 'this network may not call',
      rule: `gateway.${list}`,
      ...(network === undefined ? {} : { clause: network }),
      claim: 'client address',
      actual: address,
      fixes: [fix],
    },
  };
}
