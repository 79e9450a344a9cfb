// The storefront: pages for everybody. It shows the catalog and what sells best, and knows nothing about customers.
import { callService, Refusal, type ServiceRequest, type ServiceResponse, serve } from '../http.ts';
import { style } from './style.ts';

interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly priceCents: number;
  readonly currency: string;
}

async function home({ query }: ServiceRequest): Promise<ServiceResponse> {
  const search = query.get('search') ?? '';
  const [products, popular] = await Promise.all([findProducts(search), bestsellers()]);
  const cards = products.map(
    (product) =>
      `<li><a href="/products/${encodeURIComponent(product.id)}"><strong>${escapeHtml(product.name)}</strong>${popular.includes(product.id) ? ' <em>popular</em>' : ''}<span>${escapeHtml(product.description)}</span><b>${price(product)}</b></a></li>`,
  );
  return page(
    'Tea shop',
    `
    <form action="/"><input name="search" maxlength="60" value="${escapeHtml(search)}" aria-label="Search"><button>Search</button></form>
    ${cards.length > 0 ? `<ul>${cards.join('\n')}</ul>` : '<p>Nothing found.</p>'}`,
  );
}

async function orderPage({ params }: ServiceRequest): Promise<ServiceResponse> {
  const response = await callService('catalog', `/api/catalog/products/${encodeURIComponent(params.productId ?? '')}`);
  if (response.status === 404) throw new Refusal(404, 'no such product');
  if (!response.ok) throw new Refusal(503, 'the catalog cannot be asked');
  const product = (await response.json()) as Product;
  const body = JSON.stringify({ items: [{ productId: product.id, quantity: 1 }], cardToken: 'tok_visa_4242' }, null, 2);
  return page(
    product.name,
    `
    <p>${escapeHtml(product.description)}</p>
    <p><strong>${price(product)}</strong></p>
    <h2>Order it</h2>
    <p>Sign in as a customer, then:</p>
    <pre>POST /api/orders\n${escapeHtml(body)}</pre>
    <p><a href="/">All products</a></p>`,
  );
}

/** Where the browser comes back to from signing in. The code is for the client that asked: nothing of it is shown. */
function signedIn({ query }: ServiceRequest): ServiceResponse {
  return page(
    'Signing in',
    query.has('error') ? '<p>You were not signed in.</p>' : '<p>You are signed in. Return to your application.</p>',
  );
}

async function popularJson(): Promise<ServiceResponse> {
  return { status: 200, body: { products: await bestsellers() } };
}

async function findProducts(search: string): Promise<Product[]> {
  const response = await callService('catalog', `/api/catalog/products?limit=50&search=${encodeURIComponent(search)}`);
  if (!response.ok) throw new Refusal(503, 'the catalog cannot be asked');
  return ((await response.json()) as { products: Product[] }).products;
}

/** What sells best; the shop stays open when orders cannot tell. */
async function bestsellers(): Promise<string[]> {
  try {
    const response = await callService('orders', '/internal/bestsellers');
    if (!response.ok) return [];
    return ((await response.json()) as { products: { productId: string }[] }).products.map(
      ({ productId }) => productId,
    );
  } catch {
    return [];
  }
}

function price({ priceCents, currency }: Product): string {
  return `${(priceCents / 100).toFixed(2)} ${escapeHtml(currency)}`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}

function page(title: string, content: string): ServiceResponse {
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>${style}</style></head>
<body><header><a href="/">tea &amp; things</a></header><main><h1>${escapeHtml(title)}</h1>${content}</main>
<footer>A shop of five services behind Merlon. Every page that you see passed its gateway, its mesh and its policy.</footer></body>
</html>
`;
  return { status: 200, html };
}

serve({
  name: 'storefront',
  routes: {
    'GET /': home,
    'GET /products/{productId}': orderPage,
    'GET /popular.json': popularJson,
    'GET /signed-in': signedIn,
  },
});
