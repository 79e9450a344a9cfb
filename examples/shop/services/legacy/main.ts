// THE BAD OLD SERVICE. Everything in here is wrong on purpose (README.md beside this file says what). It is here so that
// one can see how much of it the platform stops before it arrives. Never copy from it, never run it without Merlon in front.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase, type ServiceRequest, type ServiceResponse, serve } from '../http.ts';

const database = openDatabase(
  'legacy',
  `CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, displayName TEXT, email TEXT, role TEXT, password TEXT);
   INSERT OR IGNORE INTO users VALUES
     (1, 'Alice', 'alice@shop.example', 'customer', 'not-a-real-password-1'),
     (2, 'Bob', 'bob@shop.example', 'customer', 'not-a-real-password-2'),
     (3, 'Root', 'root@shop.example', 'admin', 'not-a-real-password-3');
   CREATE TABLE IF NOT EXISTS articles (id INTEGER PRIMARY KEY, title TEXT);
   INSERT OR IGNORE INTO articles VALUES (1, 'How to brew sencha'), (2, 'Caring for stoneware');`,
);

/** SQL injection: the query is pasted into the statement. */
function search({ query }: ServiceRequest): ServiceResponse {
  return {
    status: 200,
    body: {
      results: database.prepare(`SELECT id, title FROM articles WHERE title LIKE '%${query.get('q') ?? ''}%'`).all(),
    },
  };
}

/** Passes out everything it has, the password included. */
function getUser({ params }: ServiceRequest): ServiceResponse {
  return { status: 200, body: database.prepare(`SELECT * FROM users WHERE id = ${params.userId}`).get() ?? {} };
}

/** Mass assignment: whatever fields come in are written, `role` among them. */
async function updateUser(request: ServiceRequest): Promise<ServiceResponse> {
  const fields = Object.entries((await request.json()) as Record<string, string>);
  const assignments = fields.map(([name, value]) => `${name} = '${value}'`).join(', ');
  database.exec(`UPDATE users SET ${assignments} WHERE id = ${request.params.userId}`);
  return getUser(request);
}

/** Cross-site scripting: the name goes into the page as it came. */
function hello({ query }: ServiceRequest): ServiceResponse {
  return { status: 200, html: `<!doctype html><h1>Hello ${query.get('name') ?? 'stranger'}</h1>\n` };
}

/** Path traversal: the name may lead out of the folder. */
function readDocument({ query }: ServiceRequest): ServiceResponse {
  return {
    status: 200,
    body: { text: readFileSync(join(import.meta.dirname, 'files', query.get('name') ?? ''), 'utf8') },
  };
}

/** Tells attackers how it is built. */
function verboseError(error: unknown): ServiceResponse {
  return {
    status: 500,
    body: { error: error instanceof Error ? error.stack : String(error), node: process.version, cwd: process.cwd() },
  };
}

serve({
  name: 'legacy',
  routes: {
    'GET /api/legacy/search': search,
    'GET /api/legacy/users/{userId}': getUser,
    'PUT /api/legacy/users/{userId}': updateUser,
    'GET /api/legacy/hello': hello,
    'GET /api/legacy/files': readDocument,
  },
  onError: verboseError,
  onStop: () => database.close(),
});
