// What a real server was recorded to answer, given to the code of the agent that would have asked: every login, renewal,
// lookup and look at the health of a node. Reads are in kv2-reading.test.ts; the dev Vault is held to all of it elsewhere.
import { readFileSync, readdirSync } from 'node:fs';
import t from 'tap';
import { interpretLogin } from '../../src/vault/auth/login-request.js';
import { interpretLookup } from '../../src/vault/auth/lookup-self.js';
import { interpretRenewal } from '../../src/vault/auth/renew-self.js';
import { nodeState } from '../../src/vault/node-survey.js';
import type { VaultAnswer } from '../../src/vault/vault-answer.js';

interface Exchange {
  readonly step: string;
  readonly request: { readonly method: string; readonly path: string };
  readonly response: { readonly status: number; readonly body: Granted | null };
}

interface Granted {
  readonly auth?: { readonly lease_duration: number; readonly renewable: boolean } | null;
  readonly data?: { readonly ttl?: number } | null;
  readonly errors?: readonly string[];
}

const folder = new URL('../fixtures/transcripts/', import.meta.url);
const recorded = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .flatMap((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Exchange[]);

/** Exchanges that the agent makes too, by what they ask. */
function those(path: RegExp, atLeast: number): readonly Exchange[] {
  const found = recorded.filter(({ request }) => path.test(request.path));
  t.ok(found.length >= atLeast, `${found.length} of ${String(path)}`);
  return found;
}

function answerOf({ response }: Exchange): VaultAnswer {
  const headers = { date: null, retryAfter: null, location: null };
  return { status: response.status, headers, bodyText: JSON.stringify(response.body) };
}

t.test(
  'a login grants what was granted; whatever else came is a refused one, or a seal',
  async (t) => {
    for (const exchange of those(/^auth\/[^/]+\/login$/, 15)) {
      const { status, body } = exchange.response;
      const result = interpretLogin(answerOf(exchange), 0);
      if (status === 200) {
        const ttlMs = (body?.auth?.lease_duration ?? 0) * 1_000;
        t.match(result, { ok: true, value: { login: { ttlMs, isAlive: true }, uses: 0 } });
      } else {
        const failure = { class: status === 503 ? 'vault_sealed' : 'vault_login_failed' };
        t.match(result, { ok: false, failure }, `${exchange.step}: ${status}`);
      }
    }
  },
);

t.test('a renewal is granted, refused for good, or not allowed', async (t) => {
  for (const exchange of those(/^auth\/token\/renew-self$/, 3)) {
    const { status, body } = exchange.response;
    const result = interpretRenewal(answerOf(exchange), 0);
    if (status === 200) {
      const { lease_duration: seconds = 0, renewable } = body?.auth ?? {};
      t.match(result, { value: { kind: 'granted', ttlMs: seconds * 1_000, renewable } });
    } else {
      t.match(result, { value: { kind: 'refused' } }, `${exchange.step}: ${status}`);
    }
  }
});

t.test('a lookup tells the living from the dead', async (t) => {
  for (const exchange of those(/^auth\/token\/lookup-self$/, 5)) {
    const kind = exchange.response.status === 200 ? 'alive' : 'dead';
    t.match(interpretLookup(answerOf(exchange), 0), { ok: true, value: { kind } }, exchange.step);
  }
});

t.test('the health of a node is told by its status', async (t) => {
  for (const { request, response } of those(/^sys\/health/, 3)) {
    if (request.method !== 'GET' || request.path.includes('?')) continue;
    t.equal(nodeState(response.status), response.status === 200 ? 'active' : 'unusable');
  }
});
