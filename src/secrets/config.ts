/** Bounds and defaults of the secrets store. */
export const secretsConfig = {
  /** Versions kept of a secret unless its metadata says otherwise, as Vault has it. */
  maxVersions: 10,
  /** The most versions that metadata may ask for. */
  maxVersionsBound: 1_000,
  /** A request's body. */
  maxBodyBytes: 1 << 20,
  /** One version of a secret, as JSON. */
  maxSecretBytes: 512 << 10,
  /** A path within a mount. */
  maxPathBytes: 512,
  /** Names in one listing. */
  maxListed: 10_000,
  /** Life of a token from an SVID login: shorter than the SVID itself. */
  loginTtlSeconds: 15 * 60,
  /** Life of a token where its maker asks for none, and the longest with all renewals. */
  defaultTtlSeconds: 32 * 24 * 3600,
  maxTtlSeconds: 32 * 24 * 3600,
} as const;
