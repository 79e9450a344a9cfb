// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of compose files
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { memoryFiles } from '../files.ts';
import { checkManifest } from '../load.ts';
import { discoverManifest } from './discover.ts';
import { formatFindings } from './format.ts';

const name = fc.oneof(
  fc.constantFrom(
    'web',
    'api',
    'db',
    'Shop_DB',
    'a.b',
    '..',
    '__proto__',
    'constructor',
    'x: y',
    '# z',
    'a\nb: c',
    '-',
    'ö',
    'web-web',
  ),
  fc.string({ minLength: 1, maxLength: 12 }),
);
const word = fc.oneof(
  fc.constantFrom(
    'http://api:80/x',
    'db:5432',
    'api',
    'https://out.example',
    'postgres://u:p@db/x',
    'api.web.svc',
    'localhost:1',
    '${X:-db:1}',
    '[::1]:80',
    '*.example.com:443',
  ),
  fc.string({ maxLength: 24 }),
);
const port = fc.oneof(fc.integer({ min: -1, max: 70_000 }), word);
const path = fc.oneof(fc.constantFrom('/', '/a', '/a/', '/a/*', '/.*', '//', '/oidc', '/a/../b', ''), word);
const junk = fc.jsonValue({ maxDepth: 2 });

const compose = fc.dictionary(
  name,
  fc.oneof(
    junk,
    fc.record(
      {
        image: word,
        ports: fc.array(port, { maxLength: 3 }),
        environment: fc.oneof(fc.dictionary(name, word, { maxKeys: 3 }), fc.array(word, { maxLength: 3 })),
        depends_on: fc.array(name, { maxLength: 2 }),
        healthcheck: fc.record({ test: word }),
        networks: fc.oneof(fc.array(name, { maxLength: 2 }), junk),
        secrets: fc.array(name, { maxLength: 2 }),
        command: fc.oneof(word, fc.array(word, { maxLength: 2 })),
      },
      { requiredKeys: [] },
    ),
  ),
  { maxKeys: 4 },
);

const labels = fc.dictionary(fc.constantFrom('app', 'tier'), fc.constantFrom('a', 'b'), { maxKeys: 2 });
const container = fc.record(
  {
    image: word,
    args: fc.array(word, { maxLength: 2 }),
    ports: fc.array(fc.record({ containerPort: port, name }), { maxLength: 2 }),
    env: fc.array(
      fc.oneof(
        fc.record({ name, value: word }),
        fc.record({ name, valueFrom: fc.record({ secretKeyRef: fc.record({ name, key: name }) }) }),
      ),
      { maxLength: 3 },
    ),
    readinessProbe: fc.record({ httpGet: fc.record({ path }) }),
  },
  { requiredKeys: [] },
);
const object = fc.oneof(
  fc.record({
    apiVersion: fc.constant('apps/v1'),
    kind: fc.constantFrom('Deployment', 'StatefulSet'),
    metadata: fc.record({ name, namespace: name }, { requiredKeys: ['name'] }),
    spec: fc.record({
      template: fc.record({
        metadata: fc.record({ labels }),
        spec: fc.record({ containers: fc.array(container, { maxLength: 2 }) }),
      }),
    }),
  }),
  fc.record({
    apiVersion: fc.constant('v1'),
    kind: fc.constant('Service'),
    metadata: fc.record({ name }),
    spec: fc.record({
      type: fc.constantFrom('ClusterIP', 'NodePort'),
      selector: labels,
      ports: fc.array(fc.record({ port }), { maxLength: 2 }),
    }),
  }),
  fc.record({
    apiVersion: fc.constant('networking.k8s.io/v1'),
    kind: fc.constant('Ingress'),
    metadata: fc.record({ name }),
    spec: fc.record({
      rules: fc.array(
        fc.record({
          host: word,
          http: fc.record({
            paths: fc.array(fc.record({ path, backend: fc.record({ service: fc.record({ name }) }) }), {
              maxLength: 3,
            }),
          }),
        }),
        { maxLength: 2 },
      ),
    }),
  }),
  fc.record({
    apiVersion: fc.constant('networking.k8s.io/v1'),
    kind: fc.constant('NetworkPolicy'),
    metadata: fc.record({ name }),
    spec: fc.record({
      podSelector: fc.record({ matchLabels: labels }),
      ingress: fc.array(
        fc.record({ from: fc.array(fc.record({ podSelector: fc.record({ matchLabels: labels }) }), { maxLength: 2 }) }),
        { maxLength: 2 },
      ),
    }),
  }),
  fc.record({
    apiVersion: fc.constant('v1'),
    kind: fc.constantFrom(
      'List',
      'Service',
      'Pod',
      'VirtualService',
      'AuthorizationPolicy',
      'ServiceEntry',
      'HTTPRoute',
      'Secret',
      'ConfigMap',
      'CronJob',
    ),
    metadata: junk,
    spec: junk,
    data: junk,
    items: junk,
  }),
);
const api = fc.record({
  openapi: fc.constant('3.0.0'),
  info: fc.record({ title: name }),
  paths: fc.dictionary(path, junk, { maxKeys: 3 }),
  servers: junk,
});
const workspace = fc.record({
  name,
  workspaces: fc.array(fc.constantFrom('*', 'x/*', '**', 'x')),
  scripts: fc.dictionary(fc.constantFrom('start', 'test'), word),
});

test('whatever the files hold, the draft is a manifest without an error', () => {
  fc.assert(
    fc.property(compose, fc.array(object, { maxLength: 6 }), api, workspace, (services, objects, document, root) => {
      const given = new Map([
        ['shop/compose.yaml', stringify({ services })],
        ['shop/k8s.yaml', objects.map((item) => stringify(item)).join('---\n')],
        ['shop/x/openapi.json', JSON.stringify(document)],
        ['shop/x/package.json', JSON.stringify({ ...root, scripts: { start: 'node .' } })],
        ['shop/package.json', JSON.stringify(root)],
      ]);
      const { manifest, findings } = discoverManifest('shop', memoryFiles(given));
      const { problems } = checkManifest('shop/merlon.yaml', manifest, {
        files: memoryFiles(new Map([...given, ['shop/merlon.yaml', manifest]])),
      });
      expect(
        problems
          .filter(({ severity }) => severity === 'error')
          .map(({ path: at, message }) => `${at} ${message}\n${manifest}`),
      ).toEqual([]);
      expect(formatFindings(findings)).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    }),
    { numRuns: 250 },
  );
});

test('no value of a secret is given back, wherever it stands', () => {
  const secret = fc.stringMatching(/^[a-z]{8,12}[0-9]{4}$/);
  fc.assert(
    fc.property(secret, (value) => {
      const given = new Map([
        [
          'shop/compose.yaml',
          `services:\n  a: { image: a, environment: { DB_PASSWORD: ${value}, URL: "http://u:${value}@b:80/" }, env_file: secrets.env }\n  b: { image: b, environment: ["API_KEY=${value}", "TOKEN=$TOKEN"] }\n`,
        ],
        ['shop/.env', `TOKEN=${value}\n`],
        [
          'shop/k8s.yaml',
          `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { password: ${value} }\n---\napiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: p, env: [{ name: SECRET, value: ${value} }], args: ["--password=${value}"] }] }\n`,
        ],
        ['shop/broken.yaml', `password: "${value}\n${value}: [`],
      ]);
      const { manifest, services, edges, egress, routes, findings } = discoverManifest('shop', memoryFiles(given));
      const secrets = services.map((service) => [...service.secrets]);
      expect(JSON.stringify([manifest, services, secrets, edges, egress, routes, findings])).not.toContain(value);
    }),
    { numRuns: 50 },
  );
});

test('a large cluster is read whole', () => {
  const objects = Array.from(
    { length: 400 },
    (_, at) =>
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: s${at} }\nspec: { template: { metadata: { labels: { app: s${at} } }, spec: { containers: [{ name: c, env: [{ name: NEXT_URL, value: "http://s${(at + 1) % 400}:80" }] }] } } }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: s${at} }\nspec: { selector: { app: s${at} }, ports: [{ port: 80 }] }\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: s${at} }\nspec: { podSelector: { matchLabels: { app: s${at} } }, ingress: [{ from: [{ podSelector: { matchLabels: { app: s${(at + 399) % 400} } } }] }] }\n`,
  );
  const { edges, findings } = discoverManifest(
    'shop',
    memoryFiles(new Map([['shop/all.yaml', objects.join('---\n')]])),
  );
  expect(edges).toHaveLength(400);
  expect(findings.filter(({ code }) => code === 'discover.conflict')).toEqual([]);
}, 60_000);
