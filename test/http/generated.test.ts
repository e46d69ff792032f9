// A hundred thousand requests that somebody without the key can make: none is taken for the holder's, nothing throws.
// He has captured requests of the holder, each of which was served once.
import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { preflight } from '../../src/http/preflight.js';
import { apiPolicy, authenticate, claimNonce } from '../../src/http/signed/authenticate.js';
import type { AuthenticateParts } from '../../src/http/signed/authenticate.js';
import type { HeldKey, KeySet } from '../../src/http/signed/keys.js';
import { Keyring, ReplayGuard, sign, viewRequest } from '../../src/signature/index.js';
import { strangersRequests, type Generated } from './generated-requests.js';

const REQUESTS = process.env['KEYTENDER_TEST_FULL'] === '1' ? 1_000_000 : 100_000;
const NOW_SECONDS = 1_798_000_000;
const AUTHORITY = '127.0.0.1:8210';
const KEY = 'generated-token-0123456789abcdef0';

const entries: readonly HeldKey[] = [
  { name: 'default', role: 'current', key: createSecretKey(KEY, 'utf8'), versions: [7, 6] },
  {
    name: 'default',
    role: 'superseded',
    key: createSecretKey('s'.repeat(32), 'utf8'),
    versions: [5],
  },
];
const keys: KeySet = {
  keyring: new Keyring(entries),
  entries,
  look: () => null,
  ofToken: () => new Keyring(entries),
  client: () => null,
};
const policy = apiPolicy(300_000);
const guard = new ReplayGuard({ maxSkewSeconds: 300, aheadSeconds: 30, salt: 'salt' });
const nonces = guard.partition('default', 1_000);
const parts: AuthenticateParts = {
  policy,
  keys: () => keys,
  freshness: () => ({ nowSeconds: NOW_SECONDS, notBeforeSeconds: NOW_SECONDS - 1_000 }),
  onDemand: () => null,
  callerOf: ({ caller }) => ({
    ...{ kind: 'holder', key: caller, label: 'holder' },
    ...{ scopes: ['token:list'], tokens: [caller], requestsPerMinute: 120 },
  }),
  nonces: () => nonces,
};

/** What the router and the MAC come to; the router's answer where it never gets that far. */
async function judge(request: Generated): Promise<string> {
  const { method, target, lines } = request;
  const headers = lines.flat();
  const refusal = preflight(
    { httpVersion: '1.1', url: target, rawHeaders: headers },
    { authorities: new Set([AUTHORITY]), scheme: 'http', headersMax: 100 },
  );
  if (refusal !== null) return refusal;
  const message = { method, url: target, headers, scheme: 'http' };
  const { signal } = new AbortController();
  const head = { request: viewRequest(message), mayAskVault: () => false, incoming: { signal } };
  const outcome = await authenticate(head, parts);
  if (outcome.ok)
    return claimNonce(outcome, nonces, NOW_SECONDS) === 'claimed' ? 'served' : 'replay';
  return 'reason' in outcome ? outcome.reason : outcome.problem;
}

function holders(method: string, target: string, nonce: string, body = ''): Generated {
  const lines: [string, string][] = [
    ['Host', AUTHORITY],
    ...(body === ''
      ? []
      : ([
          ['Content-Type', 'application/json'],
          ['Content-Length', String(body.length)],
        ] as [string, string][])),
  ];
  const message = { method, url: target, headers: lines.flat(), scheme: 'http' };
  const { headers } = sign(body === '' ? message : { ...message, body: Buffer.from(body) }, {
    ...{ key: KEY, keyid: 'default:7', created: NOW_SECONDS, nonce, tag: 'keytender-api' },
  });
  const signature = Object.entries(headers).map(([name, value]): [string, string] => [
    name.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()),
    value,
  ]);
  return { method, target, lines: [...lines, ...signature], body };
}

const captured = [
  holders('GET', '/v1/tokens', 'nonce-0123456789-a'),
  holders('GET', '/v1/tokens/default/watch?timeout=0', 'nonce-0123456789-b'),
  holders('POST', '/v1/tokens/default/refresh', 'nonce-0123456789-c', '{}'),
  holders('POST', '/v1/tokens/default/verify', 'nonce-0123456789-d', '{"method":"GET","url":"/"}'),
  holders('GET', '/v1/tokens', 'nonce-0123456789-e'),
];

t.test(`${REQUESTS} requests of a stranger: not one is served`, async (t) => {
  for (const request of captured) t.equal(await judge(request), 'served');
  const outcomes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(strangersRequests(captured), async (request) => {
      const outcome = await judge(request);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      return outcome !== 'served';
    }),
    { numRuns: REQUESTS },
  );
  t.comment(Object.fromEntries(outcomes));
  t.notOk(outcomes.has('served'));
  for (const outcome of ['signature_mismatch', 'replay_detected', 'malformed_signature']) {
    t.ok((outcomes.get(outcome) ?? 0) > REQUESTS / 100, `${outcome} is among them`);
  }
  t.equal(await judge(holders('GET', '/v1/tokens', 'nonce-0123456789-z')), 'served');
});
