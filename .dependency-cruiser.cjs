// Who may import whom (ARCHITECTURE.md, "The house"). One row a folder; a folder that is not
// named may not be imported. Outsiders import a folder's index.ts only; core and api are open.
const engines = ['limits', 'openapi', 'waf', 'policy', 'authn', 'audit', 'telemetry'];
const table = {
  core: [],
  api: ['core'],
  manifest: ['core', 'api'],
  crypto: ['core'],
  storage: ['core'],
  net: ['core', 'crypto'],
  identity: ['core', 'api', 'crypto', 'storage'],
  oidc: ['core', 'api', 'crypto', 'storage'],
  authn: ['core', 'api', 'crypto'],
  policy: ['core', 'api'],
  limits: ['core', 'api'],
  openapi: ['core', 'api'],
  waf: ['core', 'api'],
  secrets: ['core', 'api', 'crypto', 'storage'],
  audit: ['core', 'api', 'crypto', 'storage'],
  telemetry: ['core', 'api'],
  detect: ['core', 'api'],
  respond: ['core', 'api'],
  scan: ['core', 'api', 'crypto'],
  threats: ['core', 'api', 'manifest'],
  prove: ['core', 'api', 'manifest'],
  export: ['core', 'api', 'manifest'],
  gateway: ['core', 'api', 'crypto', 'net', ...engines],
  mesh: ['core', 'api', 'crypto', 'net', 'identity', 'policy'],
  distribution: ['core', 'api'],
  supervisor: ['core', 'api'],
  control: ['core', 'api', 'crypto', 'storage', 'manifest', 'distribution'],
  server: null, // the composition root: joins everything
  cli: null,
};

const others = (folder) =>
  table[folder] === null ? [] : Object.keys(table).filter((name) => name !== folder && !table[folder].includes(name));

const boundary = Object.keys(table)
  .filter((folder) => others(folder).length > 0)
  .map((folder) => ({
    name: `${folder}-imports`,
    severity: 'error',
    // A test may join what the code may not.
    from: { path: `^src/${folder}/`, pathNot: '\\.test\\.ts$' },
    to: { path: `^src/(${others(folder).join('|')})/` },
  }));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...boundary,
    {
      name: 'public-face-only',
      comment: "outsiders import a folder's index.ts only; control, also its control.ts, which the data plane need not load",
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/(?!core/|api/)[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/(index|control)\\.ts$', '^src/server/'] },
    },
    { name: 'no-test-in-src', severity: 'error', from: { path: '^src/', pathNot: '\\.test\\.ts$' }, to: { path: '^(test|bench|tools|examples)/' } },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, dependencyTypesNot: ['type-only'] } },
    { name: 'no-dev-dependency', severity: 'error', from: { path: '^src/', pathNot: '\\.test\\.ts$' }, to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] } },
    { name: 'server-is-the-root', severity: 'error', from: { path: '^src/(?!server/|cli/)' }, to: { path: '^src/(server|cli)/' } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)\\.merlon/' },
  },
};
