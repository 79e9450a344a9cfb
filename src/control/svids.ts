import type { FromControl } from '../api/channel.ts';
import type { AgentSnapshot } from '../api/snapshot.ts';
import { tryDecodeBase64Url } from '../core/bytes.ts';
import { MerlonError, messageOf } from '../core/errors.ts';
import type { RolePeer } from '../distribution/control.ts';
import { roleId } from './compile/names.ts';

/** Issues an X.509-SVID for a key whose holder has signed `nonce`. Throws where the proof or the key is no good. */
export type IssueSvid = (request: {
  readonly spiffeId: string;
  readonly publicKey: Buffer;
  readonly proof: Buffer;
  readonly nonce: string;
}) => Promise<{ readonly chain: string; readonly notBeforeMs: number; readonly notAfterMs: number }>;

export interface SvidRequest {
  readonly request: number;
  readonly spiffeId: string;
  readonly publicKey: string;
  readonly proof: string;
}

/** Which SPIFFE IDs a role may ask for: the gateway its own, an agent its own and those of the workloads on its host. */
export function mayRequestSvid(role: RolePeer['role'], spiffeId: string, agent: AgentSnapshot): boolean {
  if (role === 'gateway') return spiffeId === roleId(agent.trustDomain, 'gateway');
  if (role !== 'agent') return false;
  return (
    spiffeId === roleId(agent.trustDomain, 'agent') || agent.services.some((service) => service.spiffeId === spiffeId)
  );
}

/** Answers one request for an SVID. Never throws. */
export async function answerSvidRequest(
  peer: RolePeer,
  wanted: SvidRequest,
  agent: AgentSnapshot | undefined,
  issue: IssueSvid,
): Promise<FromControl> {
  const refuse = (code: string, message: string): FromControl => ({
    type: 'svid-refused',
    request: wanted.request,
    code,
    message,
  });
  if (agent === undefined || !mayRequestSvid(peer.role, wanted.spiffeId, agent)) {
    return refuse(
      'control.svid-refused',
      `the ${peer.role} may not hold an SVID of \`${wanted.spiffeId.slice(0, 256)}\``,
    );
  }
  const publicKey = tryDecodeBase64Url(wanted.publicKey);
  const proof = tryDecodeBase64Url(wanted.proof);
  if (publicKey === undefined || proof === undefined)
    return refuse('control.svid-refused', 'the key or its proof is not base64url');
  try {
    const svid = await issue({ spiffeId: wanted.spiffeId, publicKey, proof, nonce: peer.nonce });
    return { type: 'svid', request: wanted.request, ...svid };
  } catch (error) {
    return refuse(error instanceof MerlonError ? error.code : 'control.svid-failed', messageOf(error));
  }
}
