import type { ChallengeType } from './order.ts';
import type { ExternalAccount } from './session.ts';

/** The certificate that is wanted, and of whom. */
export interface AcmeConfig {
  /** URL of the authority's directory. */
  readonly directory: string;
  /** DNS names; at least one. */
  readonly domains: readonly string[];
  /** E-mail addresses that the authority may write to. */
  readonly contact: readonly string[];
  readonly challenge: ChallengeType;
  readonly externalAccount: ExternalAccount | undefined;
  /** Bundle (PEM) that the authority's own certificate is verified against; undefined: the machine's roots. */
  readonly ca: string | undefined;
}
