import type { Weaknesses } from '../api/protections.ts';
import type { Clock } from '../core/clock.ts';
import { type Bundles, bundleFromPem, compileBundles, createSvidVerifier } from '../identity/index.ts';

/** Verifies the SVIDs of peers against the trust bundle in force. */
export interface PeerVerifier {
  trust(trustDomain: string, bundle: string): void;
  verify(chain: readonly Buffer[]): { readonly spiffeId: string } | { readonly code: string };
}

export function createVerifier(clock: Clock, weaknesses: Weaknesses): PeerVerifier {
  let bundles: Bundles = new Map();
  return {
    trust: (trustDomain, bundle) => {
      bundles = compileBundles([bundleFromPem(trustDomain, bundle)]);
    },
    verify: createSvidVerifier({ clock, weaknesses, bundles: () => bundles }),
  };
}
