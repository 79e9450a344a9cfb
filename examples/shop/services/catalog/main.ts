// The catalog: what the shop sells and for how much.
import { integerParam, jsonObject, openDatabase, Refusal, type ServiceRequest, serve } from '../http.ts';

interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly priceCents: number;
  readonly currency: string;
  readonly stock: number;
}

const database = openDatabase(
  'catalog',
  `CREATE TABLE IF NOT EXISTS products (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     description TEXT NOT NULL,
     priceCents INTEGER NOT NULL CHECK (priceCents >= 0),
     currency TEXT NOT NULL,
     stock INTEGER NOT NULL CHECK (stock >= 0)
   ) STRICT;
   INSERT OR IGNORE INTO products VALUES
     ('kettle', 'Kettle', 'Boils a litre in three minutes.', 3490, 'EUR', 120),
     ('teapot', 'Teapot', 'Stoneware, holds four cups.', 2890, 'EUR', 60),
     ('cup', 'Cup', 'Stoneware, 0.3 l.', 890, 'EUR', 900),
     ('assam', 'Assam tea', 'Black, 250 g.', 1250, 'EUR', 300),
     ('sencha', 'Sencha tea', 'Green, 100 g.', 1490, 'EUR', 180);`,
);

const search = database.prepare(
  `SELECT * FROM products
   WHERE instr(lower(name), lower(:query)) > 0 OR instr(lower(description), lower(:query)) > 0
   ORDER BY id LIMIT :limit OFFSET :offset`,
);
const find = database.prepare('SELECT * FROM products WHERE id = ?');
const insert = database.prepare(
  'INSERT INTO products (id, name, description, priceCents, currency, stock) VALUES (:id, :name, :description, :priceCents, :currency, :stock)',
);
const replace = database.prepare(
  'UPDATE products SET name = :name, description = :description, priceCents = :priceCents, currency = :currency, stock = :stock WHERE id = :id',
);

function listProducts({ query }: ServiceRequest) {
  const limit = integerParam(query, 'limit', { fallback: 20, max: 100 });
  const offset = integerParam(query, 'offset', { fallback: 0, max: 100_000 });
  return {
    status: 200,
    body: { products: search.all({ query: query.get('search') ?? '', limit, offset }), limit, offset },
  };
}

function getProduct({ params }: ServiceRequest) {
  const product = find.get(params.productId ?? '');
  if (product === undefined) throw new Refusal(404, 'no such product');
  return { status: 200, body: product };
}

async function createProduct(request: ServiceRequest) {
  const body = await jsonObject(request);
  const product = productOf(body, text(body, 'id', 40));
  if (find.get(product.id) !== undefined) throw new Refusal(409, 'there is such a product already');
  insert.run({ ...product });
  return { status: 201, body: product, headers: { location: `/api/catalog/products/${product.id}` } };
}

async function replaceProduct(request: ServiceRequest) {
  const product = productOf(await jsonObject(request), request.params.productId ?? '');
  if (replace.run({ ...product }).changes === 0) throw new Refusal(404, 'no such product');
  return { status: 200, body: product };
}

function productOf(body: Record<string, unknown>, id: string): Product {
  if (!/^[a-z0-9-]{1,40}$/.test(id)) throw new Refusal(400, 'id must be lower-case letters, digits and dashes');
  return {
    id,
    name: text(body, 'name', 80),
    description: text(body, 'description', 500),
    priceCents: amount(body, 'priceCents'),
    currency: text(body, 'currency', 3),
    stock: amount(body, 'stock'),
  };
}

function text(body: Record<string, unknown>, field: string, maxLength: number): string {
  const value = body[field];
  if (typeof value !== 'string' || value.length === 0 || value.length > maxLength)
    throw new Refusal(400, `${field} must be text of at most ${maxLength} characters`);
  return value;
}

function amount(body: Record<string, unknown>, field: string): number {
  const value = body[field];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 1e9)
    throw new Refusal(400, `${field} must be a whole number`);
  return value;
}

serve({
  name: 'catalog',
  routes: {
    'GET /api/catalog/products': listProducts,
    'POST /api/catalog/products': createProduct,
    'GET /api/catalog/products/{productId}': getProduct,
    'PUT /api/catalog/products/{productId}': replaceProduct,
  },
  onStop: () => database.close(),
});
