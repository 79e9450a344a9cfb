// Vault's own clients against the secrets store, over a real socket. Each runs where it is installed, and is skipped where not:
// hvac as a module of `python3` (or of MERLON_PYTHON), the `vault` or `bao` command on the path.
import { spawn, spawnSync } from 'node:child_process';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VaultHandler } from '../../src/secrets/index.ts';
import { openTestSecrets } from '../fakes/secrets.ts';

const python = process.env.MERLON_PYTHON ?? 'python3';
const hasHvac = spawnSync(python, ['-c', 'import hvac']).status === 0;
const command = ['vault', 'bao'].find((name) => spawnSync(name, ['version']).status === 0);
if (!hasHvac) process.stdout.write('skipped: python3 has no module hvac\n');
if (command === undefined) process.stdout.write('skipped: neither vault nor bao is installed\n');

let server: Server;
let address: string;
let token: string;

beforeAll(async () => {
  const { secrets, root } = await openTestSecrets();
  token = root;
  server = createServer((socket) => void serve(socket, secrets.handle));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

// One request a connection, read by hand: Node's own HTTP server does not know the method LIST.
async function serve(socket: Socket, handle: VaultHandler): Promise<void> {
  socket.on('error', () => undefined);
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    const end = received.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const [start = '', ...fields] = received.subarray(0, end).toString('latin1').split('\r\n');
    const headers = Object.fromEntries(
      fields.map((field) => [
        field.slice(0, field.indexOf(':')).toLowerCase(),
        field.slice(field.indexOf(':') + 1).trim(),
      ]),
    );
    const body = received.subarray(end + 4);
    if (body.length < Number(headers['content-length'] ?? 0)) continue;
    const [method = '', target = ''] = start.split(' ');
    const [path = '', query = ''] = target.split('?');
    const response = await handle({ method, path, query: new URLSearchParams(query), headers, body });
    const sent = { ...response.headers, connection: 'close', 'content-length': Buffer.byteLength(response.body) };
    const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${response.status} -\r\n${lines.join('')}\r\n${response.body}`);
    return;
  }
}

async function run(program: string, args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  const env = { ...process.env, VAULT_ADDR: address, VAULT_TOKEN: token };
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (out += String(chunk)));
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)));
  return { code, out };
}

const script = `
import hvac, os
client = hvac.Client(url=os.environ['VAULT_ADDR'], token=os.environ['VAULT_TOKEN'])
assert client.sys.is_initialized() and not client.sys.is_sealed()
assert client.is_authenticated()
kv = client.secrets.kv.v2
assert kv.create_or_update_secret('shop/db', {'password': 'one'})['data']['version'] == 1
assert kv.create_or_update_secret('shop/db', {'password': 'two'}, cas=1)['data']['version'] == 2
try:
    kv.create_or_update_secret('shop/db', {'password': 'three'}, cas=1)
    raise SystemExit('the check was not made')
except hvac.exceptions.InvalidRequest:
    pass
assert kv.read_secret_version('shop/db', raise_on_deleted_version=True)['data']['data'] == {'password': 'two'}
assert kv.read_secret_version('shop/db', version=1, raise_on_deleted_version=True)['data']['data'] == {'password': 'one'}
kv.patch('shop/db', {'user': 'u'})
assert kv.read_secret_version('shop/db', raise_on_deleted_version=True)['data']['data'] == {'password': 'two', 'user': 'u'}
kv.update_metadata('shop/db', max_versions=5, custom_metadata={'team': 'shop'})
metadata = kv.read_secret_metadata('shop/db')['data']
assert metadata['max_versions'] == 5 and metadata['current_version'] == 3 and metadata['custom_metadata'] == {'team': 'shop'}
assert kv.list_secrets('shop')['data']['keys'] == ['db']
kv.delete_secret_versions('shop/db', [1])
try:
    kv.read_secret_version('shop/db', version=1, raise_on_deleted_version=True)
    raise SystemExit('a deleted version was read')
except hvac.exceptions.InvalidPath:
    pass
kv.undelete_secret_versions('shop/db', [1])
kv.destroy_secret_versions('shop/db', [2])
kv.delete_latest_version_of_secret('shop/db')
kv.delete_metadata_and_all_versions('shop/db')
try:
    kv.read_secret_metadata('shop/db')
    raise SystemExit('removed metadata was read')
except hvac.exceptions.InvalidPath:
    pass
child = client.auth.token.create(policies=['default'], ttl='1h', num_uses=3)['auth']
limited = hvac.Client(url=os.environ['VAULT_ADDR'], token=child['client_token'])
assert limited.auth.token.lookup_self()['data']['policies'] == ['default']
try:
    limited.secrets.kv.v2.read_secret_version('shop/db', raise_on_deleted_version=True)
    raise SystemExit('a token without a policy read')
except hvac.exceptions.Forbidden:
    pass
limited.auth.token.revoke_self()
try:
    limited.auth.token.lookup_self()
    raise SystemExit('a revoked token was taken')
except hvac.exceptions.Forbidden:
    pass
print('done')
`;

describe.skipIf(!hasHvac)('hvac', () => {
  test('works unmodified', async () => {
    expect(await run(python, ['-W', 'ignore', '-c', script])).toEqual({ code: 0, out: 'done\n' });
  });
});

describe.skipIf(command === undefined)('the command line of Vault', () => {
  test('puts and gets', async () => {
    const put = await run(command ?? '', ['kv', 'put', '-mount=secret', 'cli/a', 'x=1']);
    expect(put).toMatchObject({ code: 0 });
    expect(await run(command ?? '', ['kv', 'get', '-mount=secret', '-field=x', 'cli/a'])).toMatchObject({
      code: 0,
      out: '1',
    });
    expect(await run(command ?? '', ['kv', 'get', '-field=x', 'secret/cli/a'])).toMatchObject({ code: 0, out: '1' });
    expect((await run(command ?? '', ['kv', 'get', 'secret/cli/none'])).code).not.toBe(0);
    expect((await run(command ?? '', ['token', 'lookup'])).out).toContain('operator-alice');
  });
});
