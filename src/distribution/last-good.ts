import { tryReadPrivateText, writeFileAtomic } from '../core/files.ts';

/** The last snapshot that a role has acknowledged, kept so that it can start while control is away (fail static). */
export interface LastGood<Body> {
  readonly version: string;
  readonly body: Body;
}

/** The kept snapshot of `file`, or undefined where there is none or where it is damaged. Throws `state.permissions`. */
export function readLastGood<Body>(file: string): LastGood<Body> | undefined {
  const text = tryReadPrivateText(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as LastGood<Body>;
  } catch {
    return undefined;
  }
}

/** Keeps `lastGood` in `file` (0600: it holds the TLS key of the role). */
export function writeLastGood<Body>(file: string, lastGood: LastGood<Body>): void {
  writeFileAtomic(file, JSON.stringify(lastGood));
}
