// One direct read of Vault, as a program makes it that has no agent: asked over HTTP, it reads VAULT_URL once with undici
// on a connection that stays open, and answers how many milliseconds passed from the call to the parsed answer.
'use strict';
const { createServer } = require('node:http');
const { Pool } = require('undici');

const url = new URL(process.env.VAULT_URL);
const pool = new Pool(url.origin, { keepAliveTimeout: 60_000, keepAliveMaxTimeout: 600_000 });
const headers = { 'x-vault-token': process.env.VAULT_TOKEN };

async function readMs() {
  const startedMs = performance.now();
  const { statusCode, body } = await pool.request({ path: url.pathname, method: 'GET', headers });
  const { data } = await body.json();
  if (statusCode !== 200 || data.data.token === undefined) throw new Error(`status ${statusCode}`);
  return performance.now() - startedMs;
}

createServer((_request, response) => {
  readMs().then(
    (ms) => response.end(String(ms)),
    () => response.writeHead(502).end(),
  );
}).listen(Number(process.env.PORT), '127.0.0.1');
