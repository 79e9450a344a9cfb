import type { Weaknesses } from '../api/protections.ts';
import type { Clock } from '../core/clock.ts';
import { verifyX509Svid } from '../identity/index.ts';

/** Verifies the SVIDs of peers against the trust bundle in force. */
export interface SvidVerifier {
  trust(trustDomain: string, bundle: string): void;
  verify(chain: readonly Buffer[]): { readonly spiffeId: string } | { readonly code: string };
}

export function createVerifier(clock: Clock, weaknesses: Weaknesses): SvidVerifier {
  let bundles: Readonly<Record<string, string>> = {};
  return {
    trust: (trustDomain, bundle) => {
      bundles = { [trustDomain]: bundle };
    },
    verify: (chain) => verifyX509Svid(chain, bundles, clock.now(), { weaknesses }),
  };
}
