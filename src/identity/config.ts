const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * Lifetimes of everything that the authority makes, in milliseconds. A root lives ten years because every relying party
 * must learn of a new one, an intermediate 90 days because its key is the one in use, an SVID one hour because nothing revokes it.
 */
export interface Lifetimes {
  readonly rootMs: number;
  readonly intermediateMs: number;
  readonly jwtKeyMs: number;
  readonly defaultX509SvidMs: number;
  readonly maxX509SvidMs: number;
  readonly minX509SvidMs: number;
  readonly defaultJwtSvidMs: number;
  readonly maxJwtSvidMs: number;
  /** How long a new authority is published before it signs, so that every relying party knows it by then. */
  readonly propagationMs: number;
}

export const defaultLifetimes: Lifetimes = {
  rootMs: 3650 * day,
  intermediateMs: 90 * day,
  jwtKeyMs: 90 * day,
  defaultX509SvidMs: hour,
  maxX509SvidMs: day,
  minX509SvidMs: minute,
  defaultJwtSvidMs: 5 * minute,
  maxJwtSvidMs: hour,
  propagationMs: day,
};

/** SVIDs and authorities begin so long before they are issued, because the clocks of a cluster differ by some seconds. */
export const backdateMs = minute;

/** How often consumers should ask for a newer bundle (SPIFFE Trust Domain and Bundle, section 6.1). */
export const refreshHintSeconds = 300;

/** Part of an SVID's life after which its renewal is due, and after which its absence raises an alert. */
export const renewalPoints = { due: 0.5, stalled: 0.65 } as const;
