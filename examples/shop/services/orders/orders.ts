import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import {
  callService,
  type Handler,
  integerParam,
  jsonObject,
  Refusal,
  type ServiceRequest,
  subjectOf,
} from '../http.ts';

interface OrderRow {
  readonly id: string;
  readonly customer: string;
  readonly status: 'pending' | 'paid' | 'declined' | 'cancelled' | 'shipped';
  readonly totalCents: number;
  readonly currency: string;
  readonly chargeId: string | null;
  readonly createdAt: string;
}

interface Item {
  readonly productId: string;
  readonly quantity: number;
  readonly priceCents: number;
}

type Operation = 'create' | 'list' | 'get' | 'cancel' | 'ship' | 'bestsellers';

/** Everything about orders. */
export function createOrders(database: DatabaseSync): Readonly<Record<Operation, Handler>> {
  const table = createTable(database);
  const visible = (request: ServiceRequest): OrderRow => {
    const order = table.find(request.params.orderId ?? '');
    // Another customer's order is not there at all: 403 would tell that the id exists.
    if (order === undefined || !(isStaff(request) || order.customer === subjectOf(request)))
      throw new Refusal(404, 'no such order');
    return order;
  };
  return {
    async create(request) {
      const customer = subjectOf(request);
      const body = await jsonObject(request);
      const wanted = itemsOf(body.items);
      const { items, currency } = await price(wanted);
      const totalCents = items.reduce((sum, { quantity, priceCents }) => sum + quantity * priceCents, 0);
      const order: OrderRow = {
        id: randomUUID(),
        customer,
        status: 'pending',
        totalCents,
        currency,
        chargeId: null,
        createdAt: new Date().toISOString(),
      };
      table.insert(order, items);
      const charge = await chargeFor(order, body.cardToken);
      const status = charge.status === 'succeeded' ? 'paid' : 'declined';
      table.settle(order.id, status, charge.id);
      if (status === 'declined') throw new Refusal(402, 'the card was declined');
      return {
        status: 201,
        body: show({ ...order, status, chargeId: charge.id }, items),
        headers: { location: `/api/orders/${order.id}` },
      };
    },
    list(request) {
      const limit = integerParam(request.query, 'limit', { fallback: 20, max: 100 });
      const offset = integerParam(request.query, 'offset', { fallback: 0, max: 100_000 });
      const asked = request.query.get('customer');
      const customer = isStaff(request) ? asked : subjectOf(request);
      const orders = table.list(customer, limit, offset).map((order) => show(order, table.items(order.id)));
      return { status: 200, body: { orders, limit, offset } };
    },
    get(request) {
      const order = visible(request);
      return { status: 200, body: show(order, table.items(order.id)) };
    },
    cancel(request) {
      const order = visible(request);
      if (!table.move(order.id, 'cancelled', ['pending', 'paid']))
        throw new Refusal(409, `an order that is ${order.status} cannot be cancelled`);
      return { status: 200, body: show({ ...order, status: 'cancelled' }, table.items(order.id)) };
    },
    ship(request) {
      const order = visible(request);
      if (!table.move(order.id, 'shipped', ['paid']))
        throw new Refusal(409, `an order that is ${order.status} cannot be shipped`);
      return { status: 200, body: show({ ...order, status: 'shipped' }, table.items(order.id)) };
    },
    bestsellers: () => ({ status: 200, body: { products: table.bestsellers() } }),
  };
}

/** Support and managers see everybody's orders. */
function isStaff({ caller }: ServiceRequest): boolean {
  return caller.roles.includes('support') || caller.roles.includes('manager');
}

function show({ chargeId, ...order }: OrderRow, items: readonly Item[]): object {
  return { ...order, ...(chargeId === null ? {} : { chargeId }), items };
}

function itemsOf(value: unknown): { productId: string; quantity: number }[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 50)
    throw new Refusal(400, 'items must be a list of 1 to 50');
  return value.map((item: { productId?: unknown; quantity?: unknown } | null) => {
    const { productId, quantity } = item ?? {};
    if (typeof productId !== 'string' || !/^[a-z0-9-]{1,40}$/.test(productId))
      throw new Refusal(400, 'productId is not a product id');
    if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1 || quantity > 100)
      throw new Refusal(400, 'quantity must be 1 to 100');
    return { productId, quantity };
  });
}

/** Puts the catalog's price on each item; whatever the client says of prices is not looked at. */
async function price(
  wanted: readonly { productId: string; quantity: number }[],
): Promise<{ items: Item[]; currency: string }> {
  const currencies = new Set<string>();
  const items: Item[] = [];
  for (const { productId, quantity } of wanted) {
    const response = await callService('catalog', `/api/catalog/products/${productId}`);
    if (response.status === 404) throw new Refusal(422, `there is no product ${productId}`);
    if (!response.ok) throw new Refusal(503, 'the catalog cannot be asked');
    const product = (await response.json()) as { priceCents: number; currency: string };
    currencies.add(product.currency);
    items.push({ productId, quantity, priceCents: product.priceCents });
  }
  if (currencies.size !== 1) throw new Refusal(422, 'an order has one currency');
  return { items, currency: [...currencies][0] as string };
}

async function chargeFor(
  { id, totalCents, currency }: OrderRow,
  cardToken: unknown,
): Promise<{ id: string; status: string }> {
  const response = await callService('payments', '/api/payments/charges', {
    method: 'POST',
    // The order's id: were this call repeated, the card would be charged once.
    headers: { 'content-type': 'application/json', 'idempotency-key': id },
    body: JSON.stringify({ orderId: id, amountCents: totalCents, currency, cardToken }),
  });
  if (response.status === 400) throw new Refusal(400, 'the card token was not accepted');
  if (!response.ok) throw new Refusal(503, 'payments cannot be asked');
  return (await response.json()) as { id: string; status: string };
}

function createTable(database: DatabaseSync) {
  const insertOrder = database.prepare(
    'INSERT INTO orders (id, customer, status, totalCents, currency, chargeId, createdAt) VALUES (:id, :customer, :status, :totalCents, :currency, :chargeId, :createdAt)',
  );
  const insertItem = database.prepare(
    'INSERT INTO items (orderId, productId, quantity, priceCents) VALUES (:orderId, :productId, :quantity, :priceCents)',
  );
  const find = database.prepare('SELECT * FROM orders WHERE id = ?');
  const list = database.prepare(
    'SELECT * FROM orders WHERE customer = coalesce(:customer, customer) ORDER BY createdAt DESC, id LIMIT :limit OFFSET :offset',
  );
  const items = database.prepare('SELECT productId, quantity, priceCents FROM items WHERE orderId = ? ORDER BY rowid');
  const settle = database.prepare('UPDATE orders SET status = ?, chargeId = ? WHERE id = ?');
  const move = database.prepare('UPDATE orders SET status = :to WHERE id = :id AND status IN (:first, :second)');
  const bestsellers = database.prepare(
    'SELECT productId, sum(quantity) AS sold FROM items GROUP BY productId ORDER BY sold DESC, productId LIMIT 3',
  );
  return {
    insert(order: OrderRow, lines: readonly Item[]): void {
      database.exec('BEGIN IMMEDIATE');
      insertOrder.run({ ...order });
      for (const line of lines) insertItem.run({ orderId: order.id, ...line });
      database.exec('COMMIT');
    },
    find: (id: string) => find.get(id) as OrderRow | undefined,
    list: (customer: string | null, limit: number, offset: number) =>
      list.all({ customer, limit, offset }) as unknown as OrderRow[],
    items: (id: string) => items.all(id) as unknown as Item[],
    settle: (id: string, status: OrderRow['status'], chargeId: string) => settle.run(status, chargeId, id),
    /** Moves an order on from one of the states `from`; false where it is in another. One statement, so that two callers cannot both. */
    move: (id: string, to: OrderRow['status'], from: readonly OrderRow['status'][]) =>
      move.run({ id, to, first: from[0] as string, second: (from[1] ?? from[0]) as string }).changes === 1,
    bestsellers: () => bestsellers.all(),
  };
}
