import type { AcmeChallenge } from '../../api/edge-tls.ts';

/** One HTTP exchange with the certificate authority. */
export interface AcmeHttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface AcmeHttpResponse {
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: string;
}

/** Speaks HTTPS with the certificate authority: verified, bounded in size and time. Throws where there is no answer. */
export type AcmeFetch = (request: AcmeHttpRequest) => Promise<AcmeHttpResponse>;

/** Puts the answers to challenges in place of the former ones. Resolves when every gateway worker that is there gives them. */
export type PresentChallenges = (challenges: readonly AcmeChallenge[]) => Promise<void>;
