// The faults: what Vault or the way to it does, and the class that /health has to name.
import type { FailureClass } from '../../src/health/failure.js';
import type { VaultServer } from '../fixtures/vault-server.js';
import type { Behaviour, FaultProxy } from './fault-proxy.js';

export interface Scene {
  readonly vault: VaultServer;
  readonly proxy: FaultProxy;
}

export interface Fault {
  readonly name: string;
  /** null: it is no failure, or heals before it is one. */
  readonly class: FailureClass | null;
  /** Its beginning writes versions of its own, or there is no first start that could suffer from it. */
  readonly not?: readonly string[];
  /** Resolves with what ends it. */
  readonly begin: (scene: Scene) => Promise<() => Promise<void> | void>;
}

const isSecret = (url: string | undefined): boolean => /\/data\//.test(url ?? '');

function behave(name: string, failureClass: FailureClass | null, behaviour: Behaviour): Fault {
  return {
    name,
    class: failureClass,
    async begin({ proxy }) {
      proxy.behaviour = behaviour;
      return () => {
        proxy.behaviour = null;
        proxy.dropAll();
      };
    },
  };
}

/** Only reads of the secret suffer. */
function answer(
  name: string,
  failureClass: FailureClass,
  status: number,
  body: unknown = { errors: [] },
  headers: Readonly<Record<string, string>> = {},
): Fault {
  return behave(name, failureClass, (request, response, pass) => {
    if (!isSecret(request.url)) pass();
    else
      response
        .writeHead(status, headers)
        .end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** A newest version that is none, until a good one is written. */
function badVersion(name: string, data: Readonly<Record<string, unknown>>): Fault {
  return {
    name,
    class: 'secret_malformed',
    not: ['during a rotation'],
    async begin({ vault }) {
      await vault.api('POST', `${vault.mount}/data/${SECRET}`, { data });
      return () => vault.put(`good-${Date.now()}`);
    },
  };
}

const SECRET = 'keytender/default/token';

export const faults: readonly Fault[] = [
  {
    name: 'refused',
    class: 'vault_unreachable',
    async begin({ proxy }) {
      await proxy.refuse();
      return () => proxy.listen();
    },
  },
  behave('reset', 'vault_unreachable', (request) => request.socket.resetAndDestroy()),
  {
    name: 'hang at connect',
    class: 'vault_timeout',
    begin: ({ proxy }) => proxy.takeNothing(),
  },
  behave('hang before headers', 'vault_timeout', () => undefined),
  behave('slow drip', 'vault_timeout', (_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('x'), 50);
    response.on('close', () => {
      clearInterval(timer);
    });
  }),
  behave('truncated', 'vault_unreachable', (_request, response) => {
    response.writeHead(200, { 'Content-Length': '1000' }).write('{"data":{"da');
    response.socket?.end();
  }),
  answer('oversized', 'vault_answer_too_large', 200, ' '.repeat(2_000_000)),
  behave('bytes that are no HTTP', 'vault_unreachable', (request) => {
    request.socket.end('\u0000\u0001garbage\r\n\r\n');
  }),
  answer('garbage', 'secret_malformed', 200, '<html>sign in</html>'),
  answer('403', 'vault_forbidden', 403, {
    errors: ['1 error occurred:\n\t* permission denied\n\n'],
  }),
  answer('404, mount moved', 'secret_absent', 404, { errors: ['no handler for route "x"'] }),
  answer('429', 'vault_rate_limited', 429),
  answer('429 with Retry-After', 'vault_rate_limited', 429, { errors: [] }, { 'Retry-After': '1' }),
  answer('500', 'vault_error', 500),
  answer('502', 'vault_error', 502, '<html>bad gateway</html>'),
  answer('503, sealed', 'vault_sealed', 503, { errors: ['Vault is sealed'] }),
  answer('503, other', 'vault_error', 503),
  answer('307 elsewhere', 'vault_standby', 307, '', { Location: 'http://127.0.0.1:9/v1/x' }),
  behave('307 loop', 'vault_standby', (request, response) => {
    response.writeHead(307, { Location: request.url ?? '/' }).end();
  }),
  answer('KV v1 answer', 'secret_malformed', 200, { data: { token: 'x'.repeat(32) } }),
  badVersion('wrong type', { token: 12 }),
  badVersion('empty token', { token: '' }),
  badVersion('field missing', { tokn: 'x' }),
  {
    name: 'an older version from a lagging standby',
    class: 'version_regressed',
    not: ['first start', 'during a rotation'],
    async begin({ vault, proxy }) {
      const path = `/v1/${vault.mount}/data/${SECRET}`;
      const old = await vault.api('GET', path.slice(4));
      await vault.put(`newer-${Date.now()}`);
      // until the newer one was seen, the older one is no news
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      proxy.behaviour = (request, response, pass) => {
        if (request.url === path) response.end(JSON.stringify(old));
        else pass();
      };
      return () => {
        proxy.behaviour = null;
      };
    },
  },
  behave("Vault's clock one hour ahead", null, (_request, response, pass) => {
    response.setHeader('Date', new Date(Date.now() + 3_600_000).toUTCString());
    pass();
  }),
  {
    name: 'login revoked',
    class: 'vault_forbidden',
    not: ['first start'],
    async begin({ vault }) {
      const accessors = await vault.api('LIST', 'auth/token/accessors');
      for (const accessor of accessors.data?.['keys'] as string[]) {
        const found = await vault
          .api('POST', 'auth/token/lookup-accessor', { accessor })
          .catch(() => null);
        const policies = (found?.data?.['policies'] ?? []) as string[];
        if (!policies.includes(vault.policy)) continue;
        await vault.api('POST', 'auth/token/revoke-accessor', { accessor }).catch(() => undefined);
      }
      return () => undefined;
    },
  },
  {
    name: 'secret deleted, undeleted',
    class: 'secret_deleted',
    not: ['during a rotation'],
    async begin({ vault }) {
      const read = await vault.api('GET', `${vault.mount}/metadata/${SECRET}`);
      const version = Number(read.data?.['current_version']);
      await vault.api('DELETE', `${vault.mount}/data/${SECRET}`);
      return async () => {
        await vault.api('POST', `${vault.mount}/undelete/${SECRET}`, { versions: [version] });
      };
    },
  },
  {
    name: 'metadata deleted, re-created',
    class: 'secret_absent',
    not: ['during a rotation'],
    async begin({ vault }) {
      await vault.api('DELETE', `${vault.mount}/metadata/${SECRET}`);
      return () => vault.put('re-created');
    },
  },
];
