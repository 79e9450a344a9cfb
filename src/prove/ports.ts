// What proving needs of the platform that it attacks. The composition root supplies it.
import type { ProbeCredentials, ProbeRequest } from '../api/admin.ts';
import type { GrpcMethod, OpenApiDocument, Operation } from '../api/openapi.ts';
import type { PolicyRequest } from '../api/policy.ts';
import type { LedgerRecord } from '../api/record.ts';
import type { AgentSnapshot } from '../api/snapshot.ts';
import type { Clock } from '../core/clock.ts';
import type { Manifest, Route } from '../manifest/index.ts';

/** A request made up from an OpenAPI document. */
export interface SampleRequest {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  /** Without `?`; empty where there is none. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A made-up request that is wrong in one way. */
export interface Mutation {
  readonly label: string;
  /** Code with which it must be refused. */
  readonly expected: string;
  readonly request: SampleRequest;
}

/** What is known of the API of one service. */
export interface ServiceApi {
  readonly document: OpenApiDocument;
  readonly sampleRequest: (operation: Operation) => SampleRequest | undefined;
  readonly mutations: (operation: Operation) => readonly Mutation[];
}

/** A certificate chain and its key, PEM. */
export interface KeyPairPem {
  readonly certificate: string;
  readonly key: string;
}

/** How callers make a connection to the public port. */
export interface EdgeTls {
  readonly ca: string | undefined;
  /** The certificate with which a rightful caller connects, where the listener asks for one. */
  readonly client?: KeyPairPem;
  /** A certificate of the same authority whose time is over. */
  readonly expiredClient?: KeyPairPem;
}

/** The public port. */
export interface EdgeTarget {
  readonly host: string;
  readonly port: number;
  /** Undefined: it speaks plain HTTP, behind something that terminates TLS. */
  readonly tls: EdgeTls | undefined;
  /** What callers write in `Host`. */
  readonly authority: string;
}

/** Control's own port: admin API and secrets. */
export interface ControlTarget {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly adminToken: string;
}

/** The ledger on disk, and its verifier. */
export interface LedgerTarget {
  readonly folder: string;
  /** A signed checkpoint of now. */
  readonly checkpoint: () => Promise<string>;
  /** Verifies the ledger in `folder` offline; gives the faults. `key`: another public key than the ledger's. */
  readonly verify: (
    folder: string,
    options: { readonly checkpoint?: string; readonly foreignKey?: boolean },
  ) => Promise<{ readonly ok: boolean; readonly size: number; readonly faults: readonly string[] }>;
}

/** A running deployment. */
export interface ProveTarget {
  readonly manifest: Manifest;
  readonly clock: Clock;
  readonly edge: EdgeTarget;
  readonly control: ControlTarget;
  /** What the agent of this host runs with; undefined where there is none here. */
  readonly mesh: AgentSnapshot | undefined;
  /** By service. */
  readonly apis: ReadonlyMap<string, ServiceApi>;
  /** Methods of gRPC services that declare any, by service. */
  readonly grpcMethods: ReadonlyMap<string, readonly GrpcMethod[]>;
  /** What the manifest and its policies say of a request: computed apart from the platform that is judged by it. */
  readonly authorize: (request: PolicyRequest) => 'allow' | 'deny';
  /** How many fields of an answer the route masks, and how many of them can be read all the same. */
  readonly countMasked: (
    route: Route,
    operation: Operation | undefined,
    body: string,
  ) => { readonly hidden: number; readonly readable: number };
  readonly mint: (request: ProbeRequest) => Promise<ProbeCredentials>;
  /** An SVID of `spiffeId` from an authority that was made up just now. */
  readonly forgeSvid: (spiffeId: string) => KeyPairPem;
  readonly findRecord: (id: string) => Promise<LedgerRecord | undefined>;
  /** Records since a moment (epoch milliseconds), newest first, at most a thousand. */
  readonly recordsSince: (sinceMs: number) => Promise<readonly LedgerRecord[]>;
  readonly ledger: LedgerTarget;
  /** Addresses of this machine that others can reach. */
  readonly externalAddresses: readonly string[];
}
