// A stand-in for your service: it has no secret and no library of ours, only the agent's socket. GET / has the agent sign
// a request and verify it again, and says which version of the token did. It never sees the token.
import { createServer, request } from 'node:http';

const socketPath = process.env.AGENT_SOCKET ?? '/run/keytender/api.sock';
const port = Number(process.env.PORT ?? 8080);
const timeout = 5_000;

/** One request to the agent. Resolves with status and parsed body. */
function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'localhost',
      'keytender-request': 'true',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sent = request({ socketPath, method, path, headers, timeout }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        resolve({ status: answer.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()) });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('the agent does not answer')));
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function signAndVerify() {
  const message = { method: 'GET', url: 'https://other-service.example/orders?limit=1' };
  const signed = await ask('POST', '/v1/tokens/default/sign', message);
  if (signed.status !== 200) return signed;
  const { headers, version } = signed.body;
  const verdict = await ask('POST', '/v1/tokens/default/verify', { ...message, headers });
  return {
    status: verdict.status,
    body: { signed_with: version, verified: verdict.body.verified },
  };
}

const server = createServer((incoming, outgoing) => {
  const answer = ({ status, body }) => {
    outgoing.writeHead(status, { 'content-type': 'application/json' });
    outgoing.end(`${JSON.stringify(body)}\n`);
  };
  if (incoming.url === '/healthz') answer({ status: 200, body: { status: 'ok' } });
  else {
    signAndVerify().then(answer, (error) => {
      answer({ status: 503, body: { error: error.message } });
    });
  }
});
server.listen(port, () => console.log(`listening on ${port}`));
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
