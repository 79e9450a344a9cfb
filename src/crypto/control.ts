// What control runs: keys as JSON, with the library that knows them. The data plane need not load it.
export { exportJwk, generateSigningKey, type SigningKey, signingKey, thumbprint } from './jwk.ts';
