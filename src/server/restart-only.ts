import { MerlonError } from '../core/errors.ts';
import type { Manifest } from '../manifest/index.ts';

// What is fixed when the processes start. Changing it under them would leave half of the platform on the old value.
const fixedParts: readonly (readonly [name: string, part: (manifest: Manifest) => unknown])[] = [
  ['trustDomain', ({ trustDomain }) => trustDomain],
  ['issuers: embedded', ({ issuers }) => issuers.includes('embedded')],
  ['gateway.listen', ({ gateway }) => gateway.listen],
  ['gateway.publicUrl', ({ gateway }) => gateway.publicUrl],
  ['gateway.workers', ({ gateway }) => gateway.workers],
  ['gateway.redirect', ({ gateway }) => gateway.redirect],
  ['gateway.limits.shared', ({ gateway }) => gateway.limits.shared],
];

/** Throws `manifest.needs-restart` where `next` changes what only a restart can. */
export function checkReloadable(current: Manifest, next: Manifest): void {
  const changed = fixedParts.filter(([, part]) => JSON.stringify(part(current)) !== JSON.stringify(part(next)));
  if (changed.length === 0) return;
  throw new MerlonError({
    code: 'manifest.needs-restart',
    message: `a change of ${changed.map(([name]) => `\`${name}\``).join(', ')} needs a restart`,
    hint: 'stop `merlon up` and start it again',
  });
}
