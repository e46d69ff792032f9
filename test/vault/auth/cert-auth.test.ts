// A login by the client certificate of the connection itself: no other credential is sent.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import t from 'tap';
import { buildTestClient, testAuth } from '../build-test-client.js';

const pem = (name: string): string => new URL(`../tls/${name}`, import.meta.url).pathname;

interface Seen {
  readonly url: string;
  readonly subject: string;
  readonly body: string;
}

t.test(
  'cert: the certificate of the connection logs in, the role goes along by name',
  async (t) => {
    const seen: Seen[] = [];
    const server = createServer(
      {
        cert: readFileSync(pem('server.pem')),
        key: readFileSync(pem('server.key')),
        ca: readFileSync(pem('ca.pem')),
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => {
        let body = '';
        request.on('data', (chunk) => (body += String(chunk)));
        request.on('end', () => {
          if (!(request.socket instanceof TLSSocket)) throw new Error('no TLS');
          const { socket } = request;
          const certificate = socket.getPeerCertificate();
          const subject = JSON.stringify(certificate);
          seen.push({ url: request.url ?? '', subject, body });
          if (!(request.url ?? '').endsWith('/login')) {
            response.writeHead(404).end('{"errors":[]}');
          } else if (socket.authorized) {
            const auth = { client_token: 'by-cert', lease_duration: 600, renewable: true };
            response.end(JSON.stringify({ auth: { ...auth, token_type: 'service' } }));
          } else {
            response.writeHead(400).end('{"errors":["client certificate must be supplied"]}');
          }
        });
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const caCert = pem('ca.pem');
    const auth = { ...testAuth, method: 'cert', mount: 'by/cert', role: 'sidecar' } as const;
    const files = { clientCert: pem('client.pem'), clientKey: pem('client.key') };
    const made = buildTestClient(address, { config: { caCert, ...files, auth } });
    t.teardown(() => made.client.close());
    await made.read();
    t.match(made.requests, ['login ok', 'read secret_absent']);
    t.match(seen[0], { url: '/v1/auth/by/cert/login', body: '{"name":"sidecar"}' });
    t.not(seen[0]?.subject, '{}');
    t.equal(made.client.authenticated(), true);

    const without = buildTestClient(address, { config: { caCert, auth: { ...auth, role: null } } });
    t.teardown(() => without.client.close());
    t.match(await without.read(), { failure: { class: 'vault_login_failed' } });
    await without.read();
    t.same(without.requests, ['login vault_login_failed']);
  },
);
