// A GraphQL endpoint that answers whatever it is asked and counts what arrives: for tests of what must not arrive.
import { createServer } from 'node:http';

let asked = 0;

createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    if (request.method === 'POST') asked++;
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ data: { __typename: 'Query' }, extensions: { asked, bytes: body.length } }));
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
