import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MerlonError, messageOf } from '../core/errors.ts';
import type { KeyPairPem } from '../prove/index.ts';

/** A certificate to show, from one PEM file that holds it, its chain and its key. Throws `input.certificate`. */
export function readClientCertificate(file: string): KeyPairPem {
  const unusable = (detail: string): MerlonError =>
    new MerlonError({
      code: 'input.certificate',
      message: `\`${file}\` holds no certificate with its key`,
      detail,
      hint: 'write the certificate, its chain and its key into one PEM file: `cat client.pem client.key > robot.pem`',
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
    void new X509Certificate(text);
  } catch (error) {
    throw unusable(messageOf(error));
  }
  if (!/-----BEGIN (?:EC |RSA )?PRIVATE KEY-----/.test(text)) throw unusable('there is no private key in it');
  // Each reader takes its own blocks of the file.
  return { certificate: text, key: text };
}
