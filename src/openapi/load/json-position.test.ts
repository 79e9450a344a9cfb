import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createJsonLocator } from './json-position.ts';

describe('positions in JSON', () => {
  it('are those of the key, or of the element, on any path', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const locate = createJsonLocator(text);
        const visit = (node: unknown, tokens: readonly string[]): void => {
          if (typeof node !== 'object' || node === null) return;
          for (const [key, inner] of Object.entries(node)) {
            const path = [...tokens, key];
            const expected = Array.isArray(node) ? JSON.stringify(inner, null, indent)[0] : JSON.stringify(key);
            expect([path, text.slice(locate(path)).startsWith(expected as string)]).toEqual([path, true]);
            visit(inner, path);
          }
        };
        visit(value, []);
      }),
    );
  });

  it('end where the path leaves the document', () => {
    const locate = createJsonLocator(' {"a": [1, "x]", {"b": 2}]}');
    expect([[], ['a'], ['a', '2'], ['a', '2', 'b'], ['a', '9'], ['c'], ['a', '0', 'z']].map(locate)).toEqual([
      1, 2, 17, 18, 2, 1, 8,
    ]);
  });

  it('of many places in a large file cost one reading of it', () => {
    const text = JSON.stringify({
      paths: Object.fromEntries(
        Array.from({ length: 20_000 }, (_, index) => [
          `/p${index}`,
          { get: { parameters: [{ name: 'x'.repeat(50) }] } },
        ]),
      ),
    });
    const start = performance.now();
    const locate = createJsonLocator(text);
    for (let index = 0; index < 20_000; index++) locate(['paths', `/p${index}`, 'get', 'parameters', '0', 'name']);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
