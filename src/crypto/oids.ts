/** Certificate extensions (RFC 5280, section 4.2). */
export const extensionOids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  /** RFC 8737, section 6.1. */
  acmeIdentifier: '1.3.6.1.5.5.7.1.31',
} as const;

/** Key purposes (RFC 5280, section 4.2.1.12). */
export const purposeOids = {
  any: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

export type Purpose = keyof typeof purposeOids;

/** Attribute of a certification request that holds the wanted extensions (RFC 2985, section 5.4.2). */
export const extensionRequestOid = '1.2.840.113549.1.9.14';

/** Parts of a distinguished name that this program writes (RFC 5280, appendix A.1). */
export const attributeOids = {
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
  organization: '2.5.4.10',
} as const;

/** One way to sign: what stands in the certificate, and how Node verifies it. */
export interface SignatureAlgorithm {
  readonly oid: string;
  /** Node's digest name; null where the scheme brings its own. */
  readonly digest: string | null;
  /** Node's name for the kind of key that may have made it. */
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  /** Whether the identifier carries NULL parameters (RSA, RFC 4055) or none (RFC 5758, RFC 8410). */
  readonly nullParameters: boolean;
}

/** The signatures that are accepted. SHA-1 and MD5 are not among them, and neither is RSASSA-PSS, which no SPIFFE authority uses. */
export const signatureAlgorithms: readonly SignatureAlgorithm[] = [
  { oid: '1.2.840.10045.4.3.2', digest: 'sha256', keyType: 'ec', nullParameters: false },
  { oid: '1.2.840.10045.4.3.3', digest: 'sha384', keyType: 'ec', nullParameters: false },
  { oid: '1.2.840.10045.4.3.4', digest: 'sha512', keyType: 'ec', nullParameters: false },
  { oid: '1.2.840.113549.1.1.11', digest: 'sha256', keyType: 'rsa', nullParameters: true },
  { oid: '1.2.840.113549.1.1.12', digest: 'sha384', keyType: 'rsa', nullParameters: true },
  { oid: '1.2.840.113549.1.1.13', digest: 'sha512', keyType: 'rsa', nullParameters: true },
  { oid: '1.3.101.112', digest: null, keyType: 'ed25519', nullParameters: false },
];
