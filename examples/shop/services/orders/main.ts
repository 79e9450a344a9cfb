// Orders and customers' profiles. Orders belong to who placed them; prices come from the catalog and never from
// the client. That a profile is reached by its owner alone is Merlon's part: `owner` in merlon.yaml.
import { openDatabase, serve } from '../http.ts';
import { createOrders } from './orders.ts';
import { createProfiles } from './profiles.ts';

const database = openDatabase(
  'orders',
  `CREATE TABLE IF NOT EXISTS orders (
     id TEXT PRIMARY KEY,
     customer TEXT NOT NULL,
     status TEXT NOT NULL,
     totalCents INTEGER NOT NULL,
     currency TEXT NOT NULL,
     chargeId TEXT,
     createdAt TEXT NOT NULL
   ) STRICT;
   CREATE INDEX IF NOT EXISTS ordersByCustomer ON orders (customer, createdAt);
   CREATE TABLE IF NOT EXISTS items (
     orderId TEXT NOT NULL REFERENCES orders (id),
     productId TEXT NOT NULL,
     quantity INTEGER NOT NULL,
     priceCents INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX IF NOT EXISTS itemsByOrder ON items (orderId);
   CREATE TABLE IF NOT EXISTS profiles (
     customer TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     address TEXT NOT NULL,
     phone TEXT NOT NULL
   ) STRICT;`,
);

const orders = createOrders(database);
const profiles = createProfiles(database);

serve({
  name: 'orders',
  routes: {
    'POST /api/orders': orders.create,
    'GET /api/orders': orders.list,
    'GET /api/orders/{orderId}': orders.get,
    'POST /api/orders/{orderId}/cancel': orders.cancel,
    'POST /api/orders/{orderId}/ship': orders.ship,
    'GET /api/customers/{customerId}/profile': profiles.get,
    'PUT /api/customers/{customerId}/profile': profiles.put,
    // For the storefront. No route of the gateway leads here.
    'GET /internal/bestsellers': orders.bestsellers,
  },
  onStop: () => database.close(),
});
