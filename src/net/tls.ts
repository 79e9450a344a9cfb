import { constants } from 'node:crypto';
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type Server,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import { messageOf } from '../core/errors.ts';
import { NetError } from './errors.ts';
import type { PeerCertificate } from './message.ts';
import type { ServerTls, TlsCredentials } from './server-options.ts';
import { useTicketKeys } from './ticket-keys.ts';

/** A TLS server that is handed its connections: a new one takes over when the configuration changes, running connections keep theirs. */
export function createTlsServer(tls: ServerTls, handshakeMs: number, onSecure: (socket: TLSSocket) => void): Server {
  const asked = tls.clientCertificate ?? 'none';
  if (asked !== 'none' && tls.ca === undefined) {
    throw new NetError(
      'net.bad-tls',
      500,
      'client certificates are asked for but there is no bundle to verify them against',
    );
  }
  const options: TlsOptions = {
    ...contextOptions(tls, tls),
    handshakeTimeout: handshakeMs,
    ALPNProtocols: tls.http2 === true ? ['h2', 'http/1.1'] : ['http/1.1'],
    requestCert: asked !== 'none',
    rejectUnauthorized: asked === 'required' && tls.judge !== 'verifyPeer',
    ...(tls.sni === undefined ? {} : { SNICallback: compileSni(tls) }),
  };
  return loading(() => {
    const server = createServer({ ...options, allowHalfOpen: true } as TlsOptions, onSecure);
    if (tls.ticketKeys !== undefined && asked === 'none') useTicketKeys(server, tls.ticketKeys);
    return server;
  });
}

/** The protocol by which a certificate authority asks for proof (RFC 8737, section 3). */
export const acmeProtocol = 'acme-tls/1';

/** A TLS server that proves to a certificate authority that we answer for a name, and closes (RFC 8737, section 3). */
export function createChallengeServer(tls: ServerTls, handshakeMs: number): Server {
  const { challenge } = tls;
  const sni = compileSni({ ...tls, sni: (name) => challenge?.(name) });
  const options: TlsOptions = {
    handshakeTimeout: handshakeMs,
    ALPNProtocols: [acmeProtocol],
    // A name without a challenge gets no certificate at all: the one of the listener would prove nothing.
    SNICallback: (name, done) =>
      sni(name, (error, context) => done(error ?? (context ? null : new Error('no challenge for this name')), context)),
    minVersion: 'TLSv1.2',
  };
  return createServer(options, (socket) => socket.end());
}

function contextOptions(tls: ServerTls, { certificate, key }: TlsCredentials) {
  const checksClients = (tls.clientCertificate ?? 'none') !== 'none';
  return {
    cert: certificate,
    key,
    minVersion: tls.minVersion ?? ('TLSv1.2' as const),
    // Node's own would differ from worker to worker, and no session would be taken up by another.
    sessionIdContext: 'merlon',
    honorCipherOrder: true,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    // A resumed session would carry a client certificate past its expiry and past a change of the bundle.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (checksClients ? constants.SSL_OP_NO_TICKET : 0),
  };
}

/** Contexts are made once for each credentials object that `sni` gives back. */
function compileSni(tls: ServerTls): NonNullable<TlsOptions['SNICallback']> {
  const contexts = new WeakMap<TlsCredentials, SecureContext>();
  return (servername, done) => {
    try {
      const credentials = tls.sni?.(servername.toLowerCase());
      if (credentials === undefined) return done(null);
      let context = contexts.get(credentials);
      if (context === undefined) {
        context = createSecureContext(contextOptions(tls, credentials));
        contexts.set(credentials, context);
      }
      done(null, context);
    } catch (error) {
      done(error instanceof Error ? error : new Error(messageOf(error)));
    }
  };
}

function loading<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new NetError('net.bad-tls', 500, 'the certificate, key or bundle cannot be used', messageOf(error));
  }
}

/** The certificate that the peer gave, with its chain as verified; undefined where it gave none. */
export function readPeerCertificate(socket: TLSSocket): PeerCertificate | undefined {
  const chain: Buffer[] = [];
  let next = socket.getPeerCertificate(true);
  // The root names itself as its issuer.
  while (next?.raw !== undefined && !chain.some((der) => der.equals(next.raw)) && chain.length < 10) {
    chain.push(next.raw);
    next = next.issuerCertificate;
  }
  const leaf = chain[0];
  return leaf === undefined ? undefined : { leaf, chain, authorized: socket.authorized };
}

/** Why a connection with this peer certificate must not go on, or undefined. */
export function checkPeer(tls: ServerTls, peer: PeerCertificate | undefined): Error | undefined {
  if (peer === undefined) {
    return tls.clientCertificate === 'required' ? new Error('no client certificate') : undefined;
  }
  if (!peer.authorized && tls.judge !== 'verifyPeer')
    return new Error('the chain of the client certificate does not verify');
  return tls.verifyPeer?.(peer.chain);
}
