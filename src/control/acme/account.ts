import { encodeBase64Url } from '../../core/bytes.ts';
import { exportPrivateKey, formatPem, generateKeyPair, importPrivateKey, parsePem } from '../../crypto/index.ts';
import type { AcmeConfig } from './config.ts';
import { AcmeError } from './errors.ts';
import type { AcmeSession, ExternalAccount } from './session.ts';
import type { AcmeState, KeptAccount } from './state.ts';

/** The account with the authority, made on first use: its key is kept before the authority hears of it. */
export async function keptAccount(state: AcmeState, directory: string): Promise<KeptAccount> {
  const kept = await state.get('account');
  if (kept?.directory === directory) return kept;
  const { privateKey } = generateKeyPair('P-256');
  const account: KeptAccount = {
    directory,
    privateKeyPem: formatPem('PRIVATE KEY', exportPrivateKey(privateKey)),
    url: undefined,
  };
  await state.put('account', account);
  return account;
}

/** The private key of an account. */
export function accountKey({ privateKeyPem }: KeptAccount) {
  return importPrivateKey(parsePem(privateKeyPem)[0]?.bytes ?? new Uint8Array());
}

/** Registers the account where that is still to be done, or finds it by its key (RFC 8555, section 7.3). Gives whether it is new to us. */
export async function register(
  session: AcmeSession,
  account: KeptAccount,
  state: AcmeState,
  { contact, externalAccount }: Pick<AcmeConfig, 'contact' | 'externalAccount'>,
): Promise<boolean> {
  if (account.url !== undefined) {
    session.useAccount(account.url);
    return false;
  }
  const { newAccount, needsExternalAccount } = await session.directory();
  if (needsExternalAccount && externalAccount === undefined)
    throw new AcmeError('acme.refused', 'the certificate authority wants an account of its own to be named', {
      hint: 'give its key identifier and key as `acme.externalAccount`',
    });
  const { location } = await session.post(newAccount, {
    termsOfServiceAgreed: true,
    ...(contact.length === 0 ? {} : { contact: contact.map((address) => `mailto:${address}`) }),
    ...(externalAccount === undefined ? {} : { externalAccountBinding: await bind(session, externalAccount) }),
  });
  if (location === undefined) throw new AcmeError('acme.protocol', 'the certificate authority names no account');
  session.useAccount(location);
  await state.put('account', { ...account, url: location });
  return true;
}

function bind(session: AcmeSession, externalAccount: ExternalAccount): Promise<object> {
  const bytes = Buffer.from(externalAccount.macKey, 'base64url');
  if (bytes.length < 16 || encodeBase64Url(bytes) !== externalAccount.macKey.replace(/=+$/, ''))
    throw new AcmeError('acme.refused', 'the key of `acme.externalAccount` is not base64url');
  return session.bindExternal(externalAccount);
}
