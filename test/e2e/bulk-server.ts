// A service that sends as many bytes as it is asked for, as fast as they are taken, and tells how far it has got.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';

const block = Buffer.alloc(64 * 1024, 'x');

createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://service');
  if (pathname === '/bulk/headers') return void response.end(JSON.stringify(request.headers));
  const blocks = Number(searchParams.get('blocks'));
  let sent = 0;
  const body = new Readable({
    read() {
      this.push(sent++ < blocks ? block : null);
    },
  });
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  body.pipe(response);
}).listen(Number(process.env.PORT), process.env.HOST);
