// Payments: charges cards for orders. It holds card tokens, encrypted under a key that it gets as a file, and never a
// card number. It does not start without its secrets.
import { createCipheriv, createHmac, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fail, jsonObject, openDatabase, Refusal, type ServiceRequest, type ServiceResponse, serve } from '../http.ts';

interface Charge {
  readonly id: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly currency: string;
  readonly status: 'succeeded' | 'declined';
  /** What the acquirer would quote in a dispute. */
  readonly authorization: string;
  readonly createdAt: string;
}

const apiKey = process.env.PAYMENTS_API_KEY || fail('payments needs PAYMENTS_API_KEY');
const databaseKey = deriveKey(readSecretFile());

const database = openDatabase(
  'payments',
  `CREATE TABLE IF NOT EXISTS charges (
     id TEXT PRIMARY KEY,
     idempotencyKey TEXT NOT NULL UNIQUE,
     fingerprint TEXT NOT NULL,
     orderId TEXT NOT NULL,
     amountCents INTEGER NOT NULL,
     currency TEXT NOT NULL,
     status TEXT NOT NULL,
     authorization TEXT NOT NULL,
     createdAt TEXT NOT NULL,
     cardToken BLOB NOT NULL
   ) STRICT;`,
);

const columns = 'id, orderId, amountCents, currency, status, authorization, createdAt';
const find = database.prepare(`SELECT ${columns} FROM charges WHERE id = ?`);
const findByKey = database.prepare(`SELECT ${columns}, fingerprint FROM charges WHERE idempotencyKey = ?`);
const insert = database.prepare(
  `INSERT INTO charges (${columns}, idempotencyKey, fingerprint, cardToken)
   VALUES (:id, :orderId, :amountCents, :currency, :status, :authorization, :createdAt, :idempotencyKey, :fingerprint, :cardToken)`,
);

function readSecretFile(): string {
  const path = process.env.DB_KEY_FILE || fail('payments needs DB_KEY_FILE');
  try {
    return readFileSync(path, 'utf8').trim() || fail('payments: DB_KEY_FILE names an empty file');
  } catch {
    return fail('payments cannot read the file that DB_KEY_FILE names');
  }
}

function deriveKey(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'shop payments card tokens', 32));
}

/** AES-256-GCM: nonce, tag, ciphertext. The charge's id is bound to it, so that no token can be moved to another charge. */
function encryptToken(token: string, chargeId: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', databaseKey, nonce).setAAD(Buffer.from(chargeId));
  const encrypted = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), encrypted]);
}

/** The same Idempotency-Key with the same request gives the same charge again; with another request it is refused. */
async function createCharge(request: ServiceRequest): Promise<ServiceResponse> {
  const idempotencyKey = request.headers['idempotency-key']?.toString();
  if (idempotencyKey === undefined || !/^[\x21-\x7e]{8,64}$/.test(idempotencyKey))
    throw new Refusal(400, 'send an Idempotency-Key');
  const { orderId, amountCents, currency, cardToken } = chargeRequestOf(await jsonObject(request));
  const fingerprint = createHmac('sha256', databaseKey)
    .update(JSON.stringify([orderId, amountCents, currency, cardToken]))
    .digest('hex');
  const known = findByKey.get(idempotencyKey) as (Charge & { fingerprint: string }) | undefined;
  if (known !== undefined) {
    const { fingerprint: former, ...charge } = known;
    if (former !== fingerprint) throw new Refusal(422, 'this Idempotency-Key was used for another charge');
    return { status: 200, body: charge };
  }
  const id = randomUUID();
  // The acquirer's part, played by the token's own name.
  const status = cardToken.startsWith('tok_declined') ? 'declined' : 'succeeded';
  const authorization = createHmac('sha256', apiKey).update(id).digest('hex').slice(0, 12);
  const charge: Charge = {
    id,
    orderId,
    amountCents,
    currency,
    status,
    authorization,
    createdAt: new Date().toISOString(),
  };
  insert.run({ ...charge, idempotencyKey, fingerprint, cardToken: encryptToken(cardToken, id) });
  return { status: 201, body: charge };
}

function getCharge({ params }: ServiceRequest): ServiceResponse {
  const charge = find.get(params.chargeId ?? '');
  if (charge === undefined) throw new Refusal(404, 'no such charge');
  return { status: 200, body: charge };
}

function chargeRequestOf({ orderId, amountCents, currency, cardToken }: Record<string, unknown>) {
  if (typeof orderId !== 'string' || orderId.length > 64) throw new Refusal(400, 'orderId is missing');
  if (typeof amountCents !== 'number' || !Number.isInteger(amountCents) || amountCents < 1)
    throw new Refusal(400, 'amountCents must be a positive whole number');
  if (typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency))
    throw new Refusal(400, 'currency must be three letters');
  if (typeof cardToken !== 'string' || !/^tok_[A-Za-z0-9_]{4,60}$/.test(cardToken))
    throw new Refusal(400, 'cardToken is not a token');
  return { orderId, amountCents, currency, cardToken };
}

serve({
  name: 'payments',
  routes: { 'POST /api/payments/charges': createCharge, 'GET /api/payments/charges/{chargeId}': getCharge },
  onStop: () => database.close(),
});
