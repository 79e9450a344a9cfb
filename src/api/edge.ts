// What control tells the gateway of the edge: lists of networks, scanners, masks, versions that end.
import { z } from 'zod';

/** Networks of one file, packed: half a million of them travel in one snapshot. */
export interface PackedNetworks {
  /** As the manifest names it. */
  readonly file: string;
  readonly count: number;
  /** One network a line, in order, deflated (RFC 1951), base64. */
  readonly packed: string;
}

/** Networks as the manifest lists them, and those of the files that it names. */
export interface NetworkLists {
  readonly networks: readonly string[];
  readonly files: readonly PackedNetworks[];
}

/** How addresses are found out that look for holes, and what they meet. */
export interface ScannerRules {
  readonly mode: 'report' | 'throttle';
  /** Requests that such an address keeps: so many in so many milliseconds. */
  readonly count: number;
  readonly periodMs: number;
  /** As the manifest says it: `30/min`. */
  readonly rate: string;
  /** Failed requests from which on an address may be one. */
  readonly failures: number;
  /** Share of failed requests among all, from 0 to 1. */
  readonly share: number;
  /** Time in which what is held against an address halves. */
  readonly halfLifeMs: number;
  /** Paths, each with all below it, that nothing leads to. */
  readonly honeypots: readonly string[];
  readonly friendly: NetworkLists;
}

/** Which fields of a route's JSON responses are masked, and for whom they are not. */
export interface ResponseMask {
  /** A name, which is masked wherever it stands, or a JSON pointer, in which `*` stands for any key or index. */
  readonly fields: readonly string[];
  /** Fields that the OpenAPI document marks as sensitive, too. */
  readonly declared: boolean;
  /** Roles that see the values. */
  readonly unless: readonly string[];
  /** Characters at the end of a text that stay readable. */
  readonly keepLast: number;
}

/** A route that goes away. */
export interface Deprecation {
  /** Epoch milliseconds. */
  readonly sinceMs: number;
  readonly sunsetMs: number | undefined;
  readonly successor: string | undefined;
  readonly info: string | undefined;
  /** Whether requests after the sunset are refused. */
  readonly refuses: boolean;
}

/** Who uses an endpoint, and how often. */
export interface EndpointCaller {
  /** OAuth client, API key's principal, or `anonymous`. */
  readonly client: string;
  readonly roles: readonly string[];
  readonly count: number;
}

/** Requests to one endpoint that no document declares (`shadow`), or that is declared to be on its way out (`zombie`). */
export interface EndpointUse {
  readonly kind: 'shadow' | 'zombie';
  readonly service: string;
  readonly method: string;
  /** A zombie's template; a shadow's path with numbers, UUIDs and other ids replaced by `{}`. */
  readonly path: string;
  readonly count: number;
  /** How many of them the service answered with less than 400: for a shadow, the proof that there is something. */
  readonly answered: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Day on which a zombie goes away, where it is known. */
  readonly sunset?: string;
  readonly callers: readonly EndpointCaller[];
}

/** What an endpoint report holds. */
export interface EndpointFindings {
  /** Most used first. */
  readonly endpoints: readonly EndpointUse[];
  /** Requests to further shadow endpoints, beyond the bound. */
  readonly overflow: number;
}

/** What one worker has seen of an address since it last told the others. */
export const scannerNews = z.strictObject({
  /** Or the network that counts as one. */
  address: z.string().max(64),
  failed: z.number().min(0).max(1e6),
  total: z.number().min(0).max(1e6),
  /** What gave it away at once. */
  sign: z.string().max(300).exactOptional(),
});
export type ScannerNews = z.infer<typeof scannerNews>;
