// A web server in thirty lines: reads the raw content, verifies it where the route says `signed`, then calls the route.
// In your service this is `keytender/express` or `keytender/fastify`.
import { createServer } from 'node:http';

export function serve(port, service, routes) {
  createServer(async (request, response) => {
    try {
      const content = await contentOf(request);
      const { method, url, rawHeaders: headers } = request;
      const { pathname, searchParams } = new URL(url, 'http://localhost');
      const name = `${method} ${pathname}`;
      if (routes[`${name} signed`]) {
        const verdict = await service.verify({
          method,
          url,
          headers,
          scheme: 'http',
          body: content,
        });
        if (!verdict.ok) {
          console.log(`${port}: refused ${name}: ${verdict.reason}`); // never tell the caller why
          return response.writeHead(401).end('{}');
        }
      }
      const route = routes[`${name} signed`] ?? routes[name];
      const { status, body } = (await route?.(content.toString(), searchParams.get('id'))) ?? {
        status: 404,
        body: {},
      };
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    } catch (error) {
      // also when it cannot be told whether the caller is who he says: try again, not 401
      console.log(`${port}: ${error.code ?? error.message}`);
      response.writeHead(503, { 'retry-after': '1' }).end('{}');
    }
  }).listen(port, '127.0.0.1', () => console.log(`listening on ${port}`));
}

async function contentOf(request) {
  const parts = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    if (bytes > 100_000) throw new Error('content is too long');
    parts.push(part);
  }
  return Buffer.concat(parts);
}
