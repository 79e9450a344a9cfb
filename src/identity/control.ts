// What control runs: the certificate authority, bundle documents, JWT-SVIDs. The data plane need not load it.
export {
  type Authority,
  type AuthorityFacts,
  type AuthorityOptions,
  createAuthority,
  type PublishedBundle,
} from './authority.ts';
export type { AuthorityKind, Stage } from './authority-state.ts';
export { formatBundleJwks, parseBundleJwks } from './bundle-document.ts';
export { type VerifiedJwtSvid, verifyJwtSvid } from './verify-jwt.ts';
