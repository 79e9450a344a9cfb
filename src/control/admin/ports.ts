import type { z } from 'zod';
import type {
  ApiKeySummary,
  apiKeyRotation,
  Expiry,
  NewApiKey,
  newApiKey,
  ProbeCredentials,
  ProbeRequest,
  RecordQuery,
  SecretVersion,
  ServiceStatus,
  UserSummary,
} from '../../api/admin.ts';
import type { RoleState } from '../../api/channel.ts';
import type { EndpointFindings } from '../../api/edge.ts';
import type { Decision, LedgerRecord } from '../../api/record.ts';

/** What the admin API can do; the composition root supplies each as a function. */
export interface AdminPorts {
  readonly status: () => Promise<{
    readonly snapshot: string | undefined;
    readonly roles: readonly RoleState[];
    readonly services: readonly ServiceStatus[];
    /** Soonest first. */
    readonly expiries: readonly Expiry[];
    readonly warnings: readonly string[];
  }>;
  readonly findRecord: (id: string) => Promise<LedgerRecord | undefined>;
  readonly queryRecords: (query: RecordQuery) => Promise<readonly LedgerRecord[]>;
  /** Undeclared and deprecated endpoints that were used. */
  readonly endpoints: () => Promise<EndpointFindings>;
  readonly users: {
    readonly list: () => Promise<readonly UserSummary[]>;
    /** Gives the generated password where none was set. Throws `oidc.user-exists`. */
    readonly add: (user: {
      readonly name: string;
      readonly roles: readonly string[];
      readonly email?: string;
      readonly password?: string;
    }) => Promise<{ readonly password?: string }>;
    readonly remove: (name: string) => Promise<boolean>;
    readonly setPassword: (
      name: string,
      password: string | undefined,
    ) => Promise<{ readonly password?: string } | undefined>;
    readonly setRoles: (name: string, roles: readonly string[]) => Promise<boolean>;
  };
  /** Each throws `oidc.api-key` for what cannot be. */
  readonly apiKeys: {
    readonly list: () => Promise<readonly ApiKeySummary[]>;
    readonly create: (request: z.output<typeof newApiKey>) => Promise<NewApiKey>;
    readonly rotate: (id: string, rotation: z.output<typeof apiKeyRotation>) => Promise<NewApiKey>;
    readonly revoke: (id: string) => Promise<void>;
  };
  readonly secrets: {
    readonly put: (path: string, fields: Readonly<Record<string, string>>) => Promise<{ readonly version: number }>;
    readonly get: (path: string) => Promise<SecretVersion | undefined>;
    readonly list: (prefix: string) => Promise<readonly string[]>;
    readonly delete: (path: string) => Promise<boolean>;
  };
  readonly probeCredentials: (request: ProbeRequest) => Promise<ProbeCredentials>;
  readonly ledgerKey: () => string;
  readonly checkpoint: () => Promise<string>;
  readonly reload: () => Promise<{ readonly version: string }>;
  readonly record: (decision: Decision) => void;
}
