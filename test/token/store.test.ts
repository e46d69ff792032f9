import t from 'tap';
import type { SecretReading } from '../../src/token/reading.js';
import { TokenStore } from '../../src/token/store.js';

const T0 = Date.parse('2026-01-01T00:00:00Z');
const limits = { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' } as const;

function live(version: number, token: string, atMs: number, extra = {}): SecretReading {
  return {
    kind: 'live',
    version,
    createdTime: new Date(T0 + atMs).toISOString(),
    fields: { token: token.padEnd(32, '.'), ...extra },
    customMetadata: null,
    deletionTime: null,
  };
}

function newStore(): TokenStore {
  return new TokenStore({ field: 'token', limits, shortGraceMs: 180_000, now: T0 });
}

t.test('a new value is a rotation and the old one verifies for its grace', async (t) => {
  const store = newStore();
  t.equal(store.observeNewest(live(1, 'a', 0), T0 + 1).change, 'loaded');
  t.equal(store.observeNewest(live(1, 'a', 0), T0 + 2).change, 'unchanged');
  const decision = store.observeNewest(live(2, 'b', 10_000), T0 + 20_000);
  t.equal(decision.change, 'rotated');
  t.equal(decision.after.current?.version, 2);
  t.match(decision.after.superseded, [{ version: 1, usableUntil: T0 + 310_000 }]);
  t.equal(store.at(T0 + 309_999).superseded.length, 1);
  t.equal(store.at(T0 + 310_000).superseded.length, 0);
});
