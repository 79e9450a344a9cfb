export { type Authn, anonymous, type CompileAuthnOptions, compileAuthn, isDenial } from './authn.ts';
export { authnDefaults } from './config.ts';
export { type AuthnCode, authnDenials } from './errors.ts';
export type { AuthnPorts, Demand, HeaderFields } from './ports.ts';
export { createTokenCache, type TokenCache } from './token-cache.ts';
