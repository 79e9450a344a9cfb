import type { Command } from 'commander';

/** One command: a module of its own, loaded only when it is called. `describe` adds its options and its action. */
export interface CommandRow {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ describe(command: Command): void }>;
}

/** Every command there is. */
export const commands: readonly CommandRow[] = [
  {
    name: 'up',
    summary: 'run the whole platform: control, gateway, agent and your services',
    load: () => import('./up.ts'),
  },
  { name: 'validate', summary: 'check a manifest and show every error at once', load: () => import('./validate.ts') },
  { name: 'init', summary: 'write a manifest from what lies in a folder', load: () => import('./init.ts') },
  { name: 'status', summary: 'what runs, in which version, and what expires when', load: () => import('./status.ts') },
  { name: 'explain', summary: 'why a request was allowed or denied', load: () => import('./explain.ts') },
  { name: 'token', summary: 'get an access token as a user or a client', load: () => import('./token.ts') },
  { name: 'users', summary: 'add, list, change and remove users', load: () => import('./users.ts') },
  {
    name: 'api-keys',
    summary: 'create, list, rotate and revoke API keys',
    load: () => import('./api-keys.ts'),
  },
  { name: 'secrets', summary: 'put, get, list and delete secrets', load: () => import('./secrets.ts') },
  { name: 'api', summary: 'endpoints that are used and not declared, or to go', load: () => import('./api.ts') },
  { name: 'audit', summary: 'query the ledger, and verify it offline', load: () => import('./audit.ts') },
  {
    name: 'waf',
    summary: 'what the firewall says of requests, and where it is wrong',
    load: () => import('./waf.ts'),
  },
  { name: 'prove', summary: 'attack the running platform and show the evidence', load: () => import('./prove.ts') },
  {
    name: 'check',
    summary: 'the security checklist, with evidence, fixes and owners',
    load: () => import('./check.ts'),
  },
  { name: 'control', summary: 'run the control plane alone', load: () => import('./control.ts') },
  { name: 'gateway', summary: 'run a gateway worker alone', load: () => import('./gateway.ts') },
  { name: 'agent', summary: 'run the agent of this host alone', load: () => import('./agent.ts') },
];
