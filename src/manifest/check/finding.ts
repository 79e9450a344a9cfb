import type { ManifestCode } from '../codes.ts';
import type { Files } from '../ports.ts';
import type { Path } from '../problem.ts';
import type { ApiOutline } from './api-outline.ts';
import type { Draft } from './draft.ts';

/** What a check has to say, and about which part of the manifest. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly code: ManifestCode;
  readonly path: Path;
  /** Whether the key is meant, or (default) its value. */
  readonly at?: 'key' | 'value';
  readonly message: string;
  readonly hint?: string;
}

/** What a check may look at. */
export interface CheckInput {
  readonly draft: Draft;
  /** What was written at a path; undefined where nothing was. */
  valueAt(path: Path): unknown;
  readonly files: Files;
  /** Resolves a path of the manifest against its folder. */
  resolve(path: string): string;
  /** OpenAPI documents that could be read, by service. */
  readonly apis: ReadonlyMap<string, ApiOutline>;
  /** Epoch milliseconds; undefined where the manifest is not looked at for what has expired. */
  readonly nowMs: number | undefined;
}

/** Looks at the manifest as a whole for one kind of contradiction. */
export type Check = (input: CheckInput) => Finding[];

export function error(code: ManifestCode, path: Path, message: string, hint?: string): Finding {
  return { severity: 'error', code, path, message, ...(hint === undefined ? {} : { hint }) };
}

export function warning(code: ManifestCode, path: Path, message: string, hint?: string): Finding {
  return { severity: 'warning', code, path, message, ...(hint === undefined ? {} : { hint }) };
}
