import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileRouteTable } from './route-table.ts';

interface Placed {
  readonly config: {
    readonly host: string | undefined;
    readonly path: string;
    readonly methods: readonly string[] | undefined;
  };
}

const route = (path: string, host?: string, methods?: string[]): Placed => ({ config: { path, host, methods } });

test('the longest prefix on segment bounds wins', () => {
  const [root, api, orders] = [route('/'), route('/api'), route('/api/orders')];
  const table = compileRouteTable([root, api, orders]);
  expect(table.match('x', '/api/orders/7', 'GET')).toBe(orders);
  expect(table.match('x', '/api/orders', 'GET')).toBe(orders);
  expect(table.match('x', '/api/ordersx', 'GET')).toBe(api);
  expect(table.match('x', '/apix', 'GET')).toBe(root);
  expect(table.match('x', '*', 'OPTIONS')).toBe(root);
});

test('without a route for / nothing matches by accident', () => {
  const table = compileRouteTable([route('/api')]);
  expect(table.match('x', '/', 'GET')).toBeUndefined();
  expect(table.match('x', '/other', 'GET')).toBeUndefined();
});

test('a host of its own comes before any host, and a wildcard covers one label', () => {
  const [any, own, wild] = [route('/'), route('/', 'a.example'), route('/', '*.b.example')];
  const table = compileRouteTable([any, own, wild]);
  expect(table.match('a.example', '/', 'GET')).toBe(own);
  expect(table.match('x.b.example', '/', 'GET')).toBe(wild);
  expect(table.match('b.example', '/', 'GET')).toBe(any);
  expect(table.match('y.x.b.example', '/', 'GET')).toBe(any);
});

test('routes that share a path differ by method; where none fits, the first one says so', () => {
  const [read, write] = [route('/a', undefined, ['GET']), route('/a', undefined, ['POST'])];
  const table = compileRouteTable([read, write]);
  expect(table.match('x', '/a', 'POST')).toBe(write);
  expect(table.match('x', '/a', 'DELETE')).toBe(read);
});

const segment = fc.constantFrom('a', 'b', 'ab', 'c');
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);

test('the table agrees with trying every route', () => {
  fc.assert(
    fc.property(fc.uniqueArray(path, { minLength: 1, maxLength: 8 }), path, (paths, asked) => {
      const routes = paths.map((each) => route(each));
      const covers = (prefix: string): boolean => prefix === '/' || asked === prefix || asked.startsWith(`${prefix}/`);
      const best = routes
        .filter(({ config }) => covers(config.path))
        .sort((a, b) => b.config.path.length - a.config.path.length)[0];
      expect(compileRouteTable(routes).match('x', asked, 'GET')).toBe(best);
    }),
  );
});
