import type { Weaknesses } from '../api/protections.ts';
import type { Clock } from '../core/clock.ts';

/** The request's header fields, as the HTTP engine holds them. Names are given in lower case. */
export interface HeaderFields {
  /** The value of the only, or first, field of that name. */
  get(name: string): string | undefined;
  /** How many fields of that name there are. */
  count(name: string): number;
}

/** Which credential a route insists on. `required`: any. `optional`: none is fine, a bad one is not. */
export type Demand = 'required' | 'token' | 'apiKey' | 'optional';

/** What compiling needs of the world. */
export interface AuthnPorts {
  readonly clock: Clock;
  readonly weaknesses: Weaknesses;
}
