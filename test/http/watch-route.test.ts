// How long a watch waits: what the caller asks for, a minute at most, and a minute where he asks for nothing.
import t from 'tap';
import type { ApiToken } from '../../src/http/signed/api-token.js';
import type { SignedExchange } from '../../src/http/signed/signed-route.js';
import { watchRoute, type WatchRouteParts } from '../../src/http/signed/watch-route.js';

/** What the route asks for when it is called with `query`; the answer when time is over. */
async function waitOf(query: string): Promise<{ timeoutMs: number[]; status: number }> {
  const timeoutMs: number[] = [];
  const watchers = {
    isStopping: false,
    size: 0,
    wait: (_token: unknown, _revision: string, ms: number) => {
      timeoutMs.push(ms);
      return Promise.resolve('timeout');
    },
  };
  const parts = { tokens: new Map([['default', {} as ApiToken]]), watchers, waitersMax: () => 1 };
  const exchange = {
    incoming: { params: { name: 'default' }, query: new URLSearchParams(query) },
    keys: { look: () => ({}) },
    caller: { scopes: ['token:watch'], tokens: null },
    mayCarryValue: true,
  };
  const route = watchRoute(parts as unknown as WatchRouteParts);
  const { status } = await route.handle(exchange as unknown as SignedExchange);
  return { timeoutMs, status };
}

for (const [query, ms] of [
  ['revision=r&timeout=5', 5_000],
  ['revision=r&timeout=0.5', 500],
  ['revision=r&timeout=0', 0],
  ['revision=r&timeout=60', 60_000],
  ['revision=r&timeout=61', 60_000],
  ['revision=r&timeout=999999', 60_000],
  ['revision=r', 60_000],
] as const) {
  t.test(`${query} waits ${ms} ms, then nothing has changed`, async (t) => {
    t.same(await waitOf(query), { timeoutMs: [ms], status: 204 });
  });
}

for (const query of [
  'timeout=-1',
  'timeout=1e3',
  'timeout=Infinity',
  'timeout=',
  'timeout=1&timeout=2',
]) {
  t.test(`${query} is refused`, async (t) => {
    await t.rejects(waitOf(`revision=r&${query}`), { code: 'malformed_request' });
  });
}
