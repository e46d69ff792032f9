// Never backwards, and a secret that begins anew: docs/token.md, "Re-created".
import t from 'tap';
import { Story, T0 } from './story.js';

t.test('10,000 polls of nodes that alternate between v4 and v5: no swap backwards', async (t) => {
  const story = new Story().put('a').put('b').put('c').put('d');
  const lagging = story.vault.state;
  story.poll();
  story.wait(10).put('e');
  let backward = 0;
  let regressed = 0;
  let best = 0;
  for (let poll = 0; poll < 10_000; poll += 1) {
    story.now += 60;
    const { newest } = story.poll(poll % 2 === 0 ? story.vault.state : lagging);
    const version = story.snapshot.current?.version ?? 0;
    if (version < best) backward += 1;
    best = Math.max(best, version);
    if (newest?.observation.kind === 'regressed') regressed += 1;
  }
  t.equal(backward, 0);
  t.equal(regressed, 5000);
  t.equal(story.agent.decisions.filter((one) => one.change === 'rotated').length, 1);
});

t.test(
  'a secret re-created at version 1 is taken, with a warning, and what was held keeps its grace',
  async (t) => {
    const story = new Story().put('a').put('b').put('c');
    story.poll();
    story.wait(10).vault.deleteMetadata();
    t.equal(story.poll().newest, null);
    t.equal(story.signs(), 'c', 'absent takes nothing away');
    story.put('n');
    const { newest } = story.poll();
    t.match(newest, {
      change: 'recreated',
      observation: { kind: 'recreated', warnings: [/^the secret began anew at version 1/] },
    });
    t.strictSame(story.verifies(), ['n', 'c', 'b', 'a']);
    t.strictSame(story.ends(), [310, 300, 300]);
  },
);

t.test('the old chain on a lagging node never comes back', async (t) => {
  const story = new Story().put('a').put('b').put('c');
  const old = story.vault.state;
  story.poll();
  story.wait(10).vault.deleteMetadata();
  story.put('n').poll();
  for (let poll = 0; poll < 100; poll += 1) {
    t.equal(story.wait(60).poll(old).newest?.observation.kind, 'regressed');
    t.equal(story.poll().newest?.change, 'unchanged');
  }
  t.strictSame(story.verifies(), ['n']);
  for (const name of ['o', 'p', 'q']) story.wait(60).put(name).poll();
  t.equal(story.signs(), 'q', 'versions of the new chain pass the old numbers');
  t.equal(story.poll(old).newest?.observation.kind, 'regressed');
  t.equal(story.signs(), 'q');
});

t.test(
  'a lagging node that shows the old chain by number adds nothing to the new one',
  async (t) => {
    const story = new Story().put('a').put('b');
    const old = story.vault.state;
    story.poll();
    story.wait(3600).vault.deleteMetadata();
    story.put('m').put('n');
    story.agent.store.observeNewest(newestOf(story), story.now);
    const [reading] = old.versions;
    const decision = story.agent.store.observeOlder(
      1,
      {
        kind: 'live',
        version: 1,
        createdTime: reading?.createdTime ?? '',
        fields: reading?.fields ?? {},
        customMetadata: null,
        deletionTime: null,
      },
      story.now,
    );
    t.equal(decision.observation.kind, 'regressed');
    t.notOk(story.verifies().includes('a'));
  },
);

t.test('a jump within a re-created secret learns its older versions', async (t) => {
  const story = new Story().put('a').put('b').put('c').put('d');
  story.poll();
  story.wait(10).vault.deleteMetadata();
  story.put('n').wait(10).put('o');
  t.strictSame(story.poll().reads, [1]);
  t.strictSame(story.verifies(), ['o', 'n', 'd', 'c', 'b']);
});

t.test('a re-created secret with the same value is the same token', async (t) => {
  const story = new Story().put('a').put('b');
  story.poll();
  story.wait(10).vault.deleteMetadata();
  story.put('b');
  t.equal(story.pollChange(), 'patched');
  t.strictSame(story.verifies(), ['b', 'a']);
});

t.test('a re-created secret that is gone or malformed takes nothing away', async (t) => {
  const story = new Story().put('a').put('b');
  story.poll();
  story.wait(10).vault.deleteMetadata();
  t.equal(story.putMalformed().poll().newest?.observation.kind, 'malformed');
  story.vault.destroy(1);
  t.equal(story.poll().newest?.observation.kind, 'destroyed');
  t.strictSame(story.verifies(), ['b', 'a']);
  story.wait(10).put('n');
  t.equal(story.pollChange(), 'recreated');
});

t.test(
  'a re-created secret whose first version is pending leaves the old token current',
  async (t) => {
    const story = new Story().put('a').put('b');
    story.poll();
    story.wait(10).vault.deleteMetadata();
    t.equal(story.put('n', { notBefore: 600 }).pollChange(), 'pending');
    t.strictSame(story.poll().reads, [], 'numbers of the old secret are not asked for');
    t.equal(story.signs(), 'b');
    t.equal(story.wait(600).signs(), 'n');
  },
);

t.test('destroying in the new secret does not touch the value of the old one', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).vault.deleteMetadata();
  story.put('n').poll();
  story.vault.destroy(1);
  story.poll();
  t.strictSame(story.verifies(), ['a']);
  t.equal(story.snapshot.missing, 'revoked');
});

t.test(
  'Vault restored from a snapshot is ignored until something is written, then followed',
  async (t) => {
    const story = new Story().put('a').put('b');
    const backup = story.vault.state;
    story.wait(10).put('c').wait(10).put('d');
    story.poll();
    story.vault.state = backup;
    t.equal(story.wait(10).poll().newest?.observation.kind, 'regressed');
    t.equal(story.signs(), 'd');
    t.equal(story.wait(10).put('e').pollChange(), 'recreated', 'version 3 again, but newer');
    t.equal(story.signs(), 'e');
  },
);

t.test(
  'a version that was held and left is not taken for a new one, whatever its time says',
  async (t) => {
    const story = new Story();
    story.wait(3600).put('a').poll();
    const lagging = story.vault.state;
    story.wait(-1800).put('b');
    t.equal(
      story.pollChange(),
      'rotated',
      'a higher version is taken although the clock of Vault went back',
    );
    t.equal(story.poll(lagging).newest?.observation.kind, 'regressed');
    t.equal(story.signs(), 'b');
    story.restart().poll();
    t.equal(story.signs(), 'b');
    t.equal(story.poll(lagging).newest?.observation.kind, 'regressed', 'read back is held as well');
  },
);

t.test('two versions written within a millisecond are told apart', async (t) => {
  const story = new Story();
  const at = (version: number, createdTime: string) =>
    story.agent.store.observeNewest(
      {
        kind: 'live',
        version,
        createdTime,
        fields: { token: `${version}`.repeat(32) },
        customMetadata: null,
        deletionTime: null,
      },
      T0,
    ).observation.kind;
  t.equal(at(1, '2026-01-01T00:00:00.0000001Z'), 'accepted');
  t.equal(at(1, '2026-01-01T00:00:00.0000002Z'), 'recreated');
  t.equal(at(1, '2026-01-01T00:00:00.0000001Z'), 'regressed');
  t.equal(at(1, '2026-01-01T00:00:00.000000200Z'), 'unchanged', 'trailing zeros mean nothing');
});

t.test('a created_time that is no time is refused', async (t) => {
  const story = new Story();
  for (const createdTime of [
    '',
    'yesterday',
    '2026-02-30T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01',
  ]) {
    const reading = {
      kind: 'live',
      version: 1,
      createdTime,
      fields: {},
      customMetadata: null,
      deletionTime: null,
    } as const;
    t.equal(story.agent.store.observeNewest(reading, T0).observation.kind, 'malformed');
    t.equal(story.agent.store.observeOlder(1, reading, T0).observation.kind, 'malformed');
  }
});

t.test('another field after a reload is another secret: read anew, with a grace', async (t) => {
  const story = new Story();
  story.vault.put({ token: 'a'.repeat(32), other: 'b'.repeat(32) }, story.now);
  story.poll();
  story.agent.store.reconfigure(
    {
      field: 'other',
      limits: { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' },
      shortGraceMs: 0,
    },
    story.now,
  );
  t.equal(story.pollChange(), 'rotated');
  t.equal(story.signs(), 'b'.repeat(32));
});

function newestOf(story: Story) {
  const newest = story.vault.state.versions.at(-1);
  return {
    kind: 'live',
    version: newest?.version ?? 0,
    createdTime: newest?.createdTime ?? '',
    fields: newest?.fields ?? {},
    customMetadata: null,
    deletionTime: null,
  } as const;
}
