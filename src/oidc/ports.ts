/** One try at a password. */
export interface LoginAttempt {
  /** As typed, lower case. */
  readonly username: string;
  /** Address of the client. */
  readonly address: string;
}

/** Whether a login may be tried now. */
export type LoginVerdict = { readonly allowed: true } | { readonly allowed: false; readonly retryAfterSeconds: number };

/** Slows down the guessing of passwords. */
export interface LoginThrottle {
  /** Counts an attempt, before its password is looked at. */
  take(attempt: LoginAttempt): LoginVerdict | Promise<LoginVerdict>;
  /** The password was right: earlier attempts on this name are forgiven. */
  forgive(attempt: LoginAttempt): void;
  /** The password was not looked at after all: the attempt does not count. */
  undo(attempt: LoginAttempt): void;
}

/** What the token client needs of `fetch`, so that a test or a private CA can take its place. It must not follow redirects. */
export type Fetch = (
  url: string,
  request: {
    readonly method: 'GET' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly redirect: 'manual';
  },
) => Promise<FetchResponse>;

/** The part of a `Response` that is read. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null; getSetCookie(): string[] };
  text(): Promise<string>;
}
