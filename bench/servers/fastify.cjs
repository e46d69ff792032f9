// Fastify's hello, and with HASHES=1 the same plus what a signed request costs whoever answers it in hashing alone: the
// MAC of the request compared, the digest of its body, the digest of the answer and its MAC.
'use strict';
const { createHash, createHmac, createSecretKey, timingSafeEqual } = require('node:crypto');
const fastify = require('fastify');

const app = fastify();
app.get('/', () => ({ hello: 'world' }));

const key = createSecretKey(Buffer.alloc(32, 1));
/** As long as the signature bases of a request and of an answer are. */
const bases = { request: Buffer.alloc(330, 'a'), answer: Buffer.alloc(620, 'a') };
const mac = (base) => createHmac('sha256', key).update(base).digest();
const expected = mac(bases.request);
const answer = JSON.stringify({
  tokens: [{ name: 'default', state: 'fresh', of: 'x'.repeat(240) }],
});

function hashed(body) {
  if (!timingSafeEqual(mac(bases.request), expected)) throw new Error('never');
  if (body !== undefined) createHash('sha256').update(body).digest('base64');
  const digest = createHash('sha256').update(answer).digest('base64');
  return [`sha-256=:${digest}:`, `keytender=:${mac(bases.answer).toString('base64')}:`];
}

app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
  done(null, body);
});
app.get('/hashed', (_request, reply) => {
  const [digest, signature] = hashed();
  reply.header('content-type', 'application/json');
  return reply.headers({ 'content-digest': digest, signature }).send(answer);
});
// a signed request that carries another signed request: two MACs and two digests of bodies more
app.post('/hashed', (request, reply) => {
  const { body } = JSON.parse(request.body);
  const content = Buffer.from(body, 'base64');
  createHash('sha256').update(content).digest('base64');
  mac(bases.request);
  const [digest, signature] = hashed(request.body);
  reply.header('content-type', 'application/json');
  return reply.headers({ 'content-digest': digest, signature }).send(answer);
});
void app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
