import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import type { Hello, RoleName } from '../api/channel.ts';
import { equalConstantTime } from '../core/bytes.ts';
import { ensurePrivateFolder, tryReadPrivateText, writeFileAtomic } from '../core/files.ts';
import { randomToken } from '../core/ids.ts';

// A role proves that it was launched on this host by its owner: it can read the join token that control left for
// it in a private file. The token itself never crosses the channel; an HMAC over control's nonce does.

/** The file that holds the join token of a role. */
export function joinTokenFile(folder: string, role: RoleName, name: string): string {
  return join(folder, `${role}-${name}`);
}

/** Makes the join token of a role where there is none yet. */
export function ensureJoinToken(folder: string, role: RoleName, name: string): void {
  ensurePrivateFolder(folder);
  const file = joinTokenFile(folder, role, name);
  if (tryReadPrivateText(file) === undefined) writeFileAtomic(file, randomToken());
}

/** What `hello` must carry. */
export function joinProof(token: string, nonce: string, role: RoleName, name: string): string {
  return createHmac('sha256', token).update(`${nonce}\n${role}\n${name}`).digest('base64url');
}

/** Whether `hello` was made by someone who can read the role's token file. */
export function checkJoinProof(folder: string, nonce: string, hello: Hello): boolean {
  const token = tryReadPrivateText(joinTokenFile(folder, hello.role, hello.name));
  if (token === undefined) return false;
  const expected = joinProof(token, nonce, hello.role, hello.name);
  return equalConstantTime(Buffer.from(expected), Buffer.from(hello.proof));
}
