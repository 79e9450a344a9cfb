import type { z } from 'zod';
import { type Gateway, gateway } from '../schema/gateway.ts';
import { type Route, route } from '../schema/routes.ts';
import { type Service, service } from '../schema/services.ts';
import { type Client, client, issuer, type Role, role, type User, user } from '../schema/trust.ts';

/**
 * What of a manifest can be read, each part by itself: one wrong route must not hide what is wrong with the others.
 * Names count as declared even where what they name is wrong.
 */
export interface Draft {
  readonly names: Readonly<Record<'services' | 'roles' | 'users' | 'clients', readonly string[]>>;
  readonly gateway: Gateway | undefined;
  readonly services: readonly (readonly [name: string, service: Service])[];
  readonly routes: readonly (readonly [index: number, route: Route])[];
  readonly roles: readonly (readonly [name: string, role: Role])[];
  readonly users: readonly (readonly [name: string, user: User])[];
  readonly clients: readonly (readonly [name: string, client: Client])[];
  readonly issuers: readonly (readonly [index: number, issuer: z.output<typeof issuer>])[];
  /** Whether all of it could be read. Where not, that something is missing proves nothing. */
  readonly whole: boolean;
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function readable<S extends z.ZodType, K>(schema: S, entries: readonly (readonly [K, unknown])[]): [K, z.output<S>][] {
  return entries.flatMap(([key, value]): [K, z.output<S>][] => {
    const result = schema.safeParse(value);
    return result.success ? [[key, result.data]] : [];
  });
}

/** Reads each part of `value` (plain values of a manifest) by itself. */
export function draftOf(value: unknown, whole: boolean): Draft {
  const top = new Map(entriesOf(value));
  const map = (key: string) => entriesOf(top.get(key));
  const list = (key: string, fallback: unknown[] = []) => {
    const found = top.has(key) ? top.get(key) : fallback;
    return Array.isArray(found) ? [...found.entries()] : [];
  };
  const namesOf = (key: string) => map(key).map(([name]) => name);
  return {
    names: {
      services: namesOf('services'),
      roles: namesOf('roles'),
      users: namesOf('users'),
      clients: namesOf('clients'),
    },
    gateway: gateway.safeParse(top.get('gateway') ?? {}).data,
    services: readable(service, map('services')),
    routes: readable(route, list('routes')),
    roles: readable(role, map('roles')),
    users: readable(user, map('users')),
    clients: readable(client, map('clients')),
    issuers: readable(issuer, list('issuers', ['embedded'])),
    whole,
  };
}
