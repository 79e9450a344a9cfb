import type { DatabaseSync } from 'node:sqlite';
import { type Handler, jsonObject, Refusal } from '../http.ts';

/** Name, address and phone of each customer. */
export function createProfiles(database: DatabaseSync): Readonly<Record<'get' | 'put', Handler>> {
  const find = database.prepare('SELECT name, address, phone FROM profiles WHERE customer = ?');
  const put = database.prepare(
    `INSERT INTO profiles (customer, name, address, phone) VALUES (:customer, :name, :address, :phone)
     ON CONFLICT (customer) DO UPDATE SET name = :name, address = :address, phone = :phone`,
  );
  return {
    get({ params }) {
      const profile = find.get(params.customerId ?? '');
      if (profile === undefined) throw new Refusal(404, 'no profile yet');
      return { status: 200, body: profile };
    },
    async put(request) {
      const body = await jsonObject(request);
      const profile = {
        name: line(body, 'name', 80),
        address: line(body, 'address', 200),
        phone: line(body, 'phone', 20),
      };
      put.run({ customer: request.params.customerId ?? '', ...profile });
      return { status: 200, body: profile };
    },
  };
}

function line(body: Record<string, unknown>, field: string, maxLength: number): string {
  const value = body[field];
  if (typeof value !== 'string' || value.length === 0 || value.length > maxLength)
    throw new Refusal(400, `${field} must be text of at most ${maxLength} characters`);
  return value;
}
