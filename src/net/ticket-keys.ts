import { randomBytes } from 'node:crypto';
import type { Server } from 'node:tls';
import { NetError } from './errors.ts';

/** What a ticket is made with: its name, the key of its signature and the key of its encryption, 16 bytes each. */
export const ticketKeyBytes = 48;
const partBytes = 16;

type TicketAnswer = readonly [verdict: number, hmac: Buffer, aes: Buffer, name: Buffer, iv: Buffer];

interface TicketContext {
  onticketkeycallback: (name: Buffer, iv: Buffer, isNew: boolean) => TicketAnswer;
  enableTicketKeyCallback(): void;
}

// Node's documented `ticketKeys` knows one key; a rotation by it would end every session. This is OpenSSL's own callback
// (SSL_CTX_set_tlsext_ticket_key_cb), which Node has and does not document.
const unknown = 0;
const accepted = 1;
const acceptedAndRenewed = 2;

/**
 * Session tickets of `server` are made with the first of `keys` and accepted from all of them; one of a former key is replaced.
 * Throws `net.bad-tls`.
 */
export function useTicketKeys(server: Server, keys: readonly Buffer[]): void {
  const [first] = keys;
  if (first === undefined || keys.some(({ length }) => length !== ticketKeyBytes))
    throw new NetError('net.bad-tls', 500, `a ticket key has ${ticketKeyBytes} bytes`);
  const { context } = (server as unknown as { _sharedCreds: { context: TicketContext } })._sharedCreds;
  context.onticketkeycallback = (name, iv, isNew) => {
    if (isNew) return answer(accepted, first, randomBytes(partBytes));
    // The name is public: it stands in the ticket as it is.
    const key = keys.find((each) => each.subarray(0, partBytes).equals(name));
    return answer(key === undefined ? unknown : key === first ? accepted : acceptedAndRenewed, key ?? first, iv);
  };
  context.enableTicketKeyCallback();
}

function answer(verdict: number, key: Buffer, iv: Buffer): TicketAnswer {
  const part = (at: number): Buffer => key.subarray(at * partBytes, (at + 1) * partBytes);
  return [verdict, part(1), part(2), part(0), iv];
}
