// A token from the settings alone: docs/token.md, "Without Vault".
import t from 'tap';
import { AgentToken } from '../../src/token/agent-token.js';
import { StaticToken } from '../../src/token/static.js';
import type { TokenSource } from '../../src/token/source.js';
import { tokenText } from './agent-model.js';
import { brokenInvariant, contentOf } from './invariants.js';
import { T0 } from './story.js';

const value = (name: string) => AgentToken.fromText(tokenText(name));

function newStatic(limits = { graceMs: 300_000, supersededMax: 4 }): StaticToken {
  return new StaticToken({ value: value('a'), createdAt: T0 - 1000, limits });
}

function verifies(source: TokenSource, now: number): string[] {
  const { current, superseded } = source.at(now);
  return [...(current === null ? [] : [current]), ...superseded].map((one) =>
    one.value.reveal().replace(/\.+$/, ''),
  );
}

t.test('a static token is current, without a version, of source static', async (t) => {
  t.match(newStatic().at(T0), {
    revision: 1,
    current: {
      source: 'static',
      version: null,
      firstVersion: null,
      createdAt: T0 - 1000,
      expiresAt: null,
    },
    missing: null,
    last: null,
    superseded: [],
    pending: [],
    nextChangeAt: Infinity,
  });
});

t.test('replaced, the old one verifies for its grace, and each step is told', async (t) => {
  const source = newStatic();
  const changes: string[] = [];
  const unsubscribe = source.subscribe(({ change }) => changes.push(change));
  t.equal(source.replace(value('b'), T0, T0).change, 'rotated');
  t.strictSame(verifies(source, T0), ['b', 'a']);
  t.equal(source.at(T0).nextChangeAt, T0 + 300_000);
  t.strictSame(verifies(source, T0 + 299_999), ['b', 'a']);
  t.strictSame(verifies(source, T0 + 300_000), ['b']);
  t.strictSame(changes, ['rotated', 'patched']);
  unsubscribe();
  source.replace(value('c'), T0, T0);
  t.equal(changes.length, 2);
});

t.test('the same value again changes nothing, not even the age', async (t) => {
  const source = newStatic();
  const before = source.at(T0);
  t.equal(source.replace(value('a'), T0 + 5000, T0 + 5000).change, 'unchanged');
  t.equal(source.at(T0 + 5000), before);
});

t.test('replaced and replaced back, a value is not superseded by itself', async (t) => {
  const source = newStatic();
  source.replace(value('b'), T0, T0);
  source.replace(value('a'), T0, T0 + 1000);
  t.strictSame(verifies(source, T0 + 1000), ['a', 'b']);
});

t.test('at most superseded_max verify, and a grace of 0 ends the old one at once', async (t) => {
  const source = newStatic({ graceMs: 300_000, supersededMax: 2 });
  for (const name of ['b', 'c', 'd', 'e']) source.replace(value(name), T0, T0);
  t.strictSame(verifies(source, T0), ['e', 'd', 'c']);
  const strict = newStatic({ graceMs: 0, supersededMax: 2 });
  strict.replace(value('b'), T0, T0);
  t.strictSame(verifies(strict, T0), ['b']);
});

t.test(
  'after 10,000 rotations nothing has grown, and every snapshot is frozen and whole',
  async (t) => {
    const source = newStatic();
    for (let rotation = 0; rotation < 10_000; rotation += 1) {
      source.replace(value(`r${rotation}`), T0, T0 + rotation);
    }
    const snapshot = source.at(T0 + 10_000);
    t.equal(snapshot.superseded.length, 4);
    t.equal(snapshot.revision, 10_001);
    t.equal(brokenInvariant(snapshot, T0 + 10_000), null);
    t.ok(contentOf(snapshot).includes('r9999'));
  },
);

t.test('new limits count from the next rotation on', async (t) => {
  const source = newStatic();
  source.reconfigure({ graceMs: 1000, supersededMax: 4 });
  source.replace(value('b'), T0, T0);
  t.equal(source.at(T0).nextChangeAt, T0 + 1000);
});
