// Random operators, random nodes, random times: what holds whatever they do.
import fc from 'fast-check';
import t from 'tap';
import { readingOf, type SecretState } from './kv2-model.js';
import { AgentModel, settings, tokenText } from './agent-model.js';
import { brokenInvariant, contentOf } from './invariants.js';
import { type Operation, operate, operations, World } from './world.js';
import { initialToken } from '../../src/token/store.js';
import type { SecretReading } from '../../src/token/reading.js';
import { T0 } from './story.js';

const FULL_FACTOR = process.env['KEYTENDER_TEST_FULL'] === '1' ? 5 : 1;
const runs = (numRuns: number) => ({ numRuns: numRuns * FULL_FACTOR });

/** An operator's life: commands, each some time after the one before. */
function history(kinds: readonly Operation['kind'][], maxLength = 14): fc.Arbitrary<Operation[]> {
  return fc.array(operations(kinds), { minLength: 1, maxLength });
}

const WRITES = ['put', 'same', 'patch', 'rollback', 'malformed'] as const;
const EVERYTHING = [
  ...WRITES,
  'delete',
  'undelete',
  'destroy',
  'recreate',
  'prune',
  'metadata',
] as const;

t.test(
  'snapshots are frozen and whole, reading ends, and an answer twice changes nothing',
  async (t) => {
    fc.assert(
      fc.property(history(EVERYTHING), fc.constantFrom('keep', 'revoke'), (commands, onDeleted) => {
        const world = new World({ limits: { ...settings.limits, onDeleted } });
        for (const command of commands) {
          operate(world, command);
          for (const agent of world.agents) {
            const { reads } = agent.poll(world.nodeOf(agent), world.now);
            if (reads.length > 32 + 2 * settings.limits.supersededMax + 1) return false;
            const problem = brokenInvariant(agent.store.at(world.now), world.now);
            if (problem !== null) throw new Error(problem);
            const { revision } = agent.store.at(world.now);
            agent.poll(world.nodeOf(agent), world.now);
            if (agent.store.at(world.now).revision !== revision) return false;
          }
        }
        return true;
      }),
      runs(600),
    );
    t.pass('held');
  },
);

t.test('no lagging node undoes a rotation', async (t) => {
  fc.assert(
    fc.property(
      history([...WRITES, 'delete', 'undelete', 'destroy', 'recreate']),
      fc.array(fc.nat(20), { minLength: 14, maxLength: 14 }),
      (commands, lags) => {
        const world = new World();
        const [agent] = world.agents;
        if (agent === undefined) return false;
        let best = -1;
        for (const [index, command] of commands.entries()) {
          operate(world, command);
          for (const ago of [0, lags[index] ?? 0]) {
            agent.poll(world.stateAgo(ago), world.now);
            const current = agent.store.at(world.now).current;
            if (current === null) continue;
            const serial = world.serialOf(current.version, current.value.reveal());
            if (serial < best) return false;
            best = serial;
          }
        }
        return true;
      },
    ),
    runs(600),
  );
  t.pass('held');
});

t.test(
  'what one agent signs with, another one accepts at once or after one more read',
  async (t) => {
    const limits = { ...settings.limits, supersededMax: 16 };
    fc.assert(
      fc.property(history([...WRITES, 'restart']), (commands) => {
        const world = new World({ limits, shortGraceMs: 0 });
        for (const command of commands) {
          operate(world, command);
          // all have read Vault within the last poll interval, each at a time of its own
          for (const agent of world.due()) agent.poll(world.state, world.now);
          for (const signer of world.agents) {
            const signed = signer.signs(world.now);
            if (signed === null) continue;
            for (const verifier of world.agents) {
              if (verifier.verifies(world.now).includes(signed)) continue;
              verifier.poll(world.state, world.now);
              if (!verifier.verifies(world.now).includes(signed)) return false;
            }
          }
        }
        return true;
      }),
      runs(600),
    );
    t.pass('held');
  },
);

t.test('all who have read the same agree on who signs, whenever they started', async (t) => {
  fc.assert(
    fc.property(history([...WRITES, 'recreate']), (commands) => {
      const world = new World({ limits: { ...settings.limits, supersededMax: 16 } });
      for (const command of commands) {
        operate(world, command);
        for (const agent of world.agents) agent.poll(world.state, world.now);
        const late = new AgentModel({ now: world.now });
        late.poll(world.state, world.now);
        const signing = new Set([...world.agents, late].map((agent) => agent.signs(world.now)));
        // after a re-creation nothing before it can be read: who comes later cannot know it
        if (signing.size > 1 && !world.wasRecreated) return false;
      }
      return true;
    }),
    runs(600),
  );
  t.pass('held');
});

t.test(
  'a destroyed value is not accepted after the destroy was seen, unless it is written again',
  async (t) => {
    fc.assert(
      fc.property(
        history([...WRITES, 'destroy', 'delete', 'undelete']),
        fc.constantFrom('keep', 'revoke'),
        (commands, onDeleted) => {
          const world = new World({ limits: { ...settings.limits, onDeleted } });
          const [agent] = world.agents;
          if (agent === undefined) return false;
          for (const command of commands) {
            const before = world.state;
            const held = agent.store.at(world.now).current;
            operate(world, command);
            agent.poll(world.state, world.now);
            const dead = world.destroyedNewest(before);
            if (dead === null || held?.version !== dead.version) continue;
            world.dead.add(tokenText(dead.name));
            for (const name of agent.verifies(world.now)) {
              if (world.dead.has(tokenText(name))) return false;
            }
          }
          return true;
        },
      ),
      runs(600),
    );
    t.pass('held');
  },
);

t.test('time moving alone equals polling with unchanged answers', async (t) => {
  fc.assert(
    fc.property(
      history(EVERYTHING),
      fc.array(fc.integer({ min: 1, max: 900_000 }), { maxLength: 20 }),
      (commands, waits) => {
        const world = new World();
        const [polling, waiting] = world.agents;
        if (polling === undefined || waiting === undefined) return false;
        for (const command of commands) {
          operate(world, command);
          for (const agent of world.agents) agent.poll(world.state, world.now);
        }
        for (const wait of waits) {
          world.now += wait;
          polling.poll(world.state, world.now);
        }
        const [a, b] = [polling, waiting].map((agent) => agent.store.at(world.now));
        return a !== undefined && b !== undefined && contentOf(a) === contentOf(b);
      },
    ),
    runs(600),
  );
  t.pass('held');
});

t.test('the revision changes exactly when something in the snapshot does', async (t) => {
  fc.assert(
    fc.property(history(EVERYTHING), (commands) => {
      const world = new World();
      for (const command of commands) {
        operate(world, command);
        for (const agent of world.agents) agent.poll(world.nodeOf(agent), world.now);
      }
      return world.agents.every(({ decisions }) =>
        decisions.every(({ before, after }) => {
          const isSame = contentOf(before) === contentOf(after);
          return isSame === (before.revision === after.revision);
        }),
      );
    }),
    runs(600),
  );
  t.pass('held');
});

const anyReading: fc.Arbitrary<SecretReading> = fc.oneof(
  fc.constant({ kind: 'unknown' } as const),
  fc.record({
    kind: fc.constantFrom('deleted' as const, 'destroyed' as const),
    version: fc.integer({ min: 1, max: 6 }),
    createdTime: fc.oneof(fc.constantFrom('', 'never'), anyTime()),
    customMetadata: fc.constantFrom(null, { grace_seconds: '0' }, { grace_seconds: {} }),
  }),
  fc.record({
    kind: fc.constant('live' as const),
    version: fc.integer({ min: 1, max: 6 }),
    createdTime: fc.oneof(fc.constant('soon'), anyTime()),
    fields: fc.oneof(
      fc.record(
        {
          token: fc.oneof(fc.constantFrom('a', 'b', 'c').map(tokenText), fc.anything()),
          not_before: fc.oneof(anyTime(), fc.anything()),
          expires_at: fc.oneof(anyTime(), fc.anything()),
          grace_seconds: fc.oneof(fc.constantFrom(0, 60, '600'), fc.anything()),
        },
        { requiredKeys: [] },
      ),
      fc.dictionary(fc.string(), fc.anything()),
    ),
    customMetadata: fc.oneof(fc.constant(null), fc.dictionary(fc.string(), fc.anything())),
    deletionTime: fc.oneof(fc.constantFrom(null, 'later'), anyTime()),
  }),
);

function anyTime(): fc.Arbitrary<string> {
  return fc.integer({ min: -1000, max: 1000 }).map((s) => new Date(T0 + s * 1000).toISOString());
}

t.test('no reading whatever throws, and the snapshot stays whole', async (t) => {
  const step = fc.record({
    reading: anyReading,
    byNumber: fc.option(fc.integer({ min: 1, max: 6 })),
    at: fc.integer({ min: -2000, max: 2000 }),
  });
  const initial = initialToken(tokenText('a'), T0, T0 + 500_000);
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 12 }),
      fc.constantFrom('keep', 'revoke'),
      fc.boolean(),
      (steps, onDeleted, hasInitial) => {
        const { store } = new AgentModel({
          limits: { ...settings.limits, onDeleted },
          ...(hasInitial ? { initial } : {}),
          now: T0,
        });
        for (const { reading, byNumber, at } of steps) {
          const now = T0 + at * 1000;
          if (byNumber === null) store.observeNewest(reading, now);
          else store.observeOlder(byNumber, reading, now);
          const problem = brokenInvariant(store.at(now), now);
          if (problem !== null) throw new Error(problem);
          const done = new Set<number>();
          for (
            let next = store.nextRead(now, done);
            next !== null;
            next = store.nextRead(now, done)
          ) {
            if (done.has(next) || next < 1 || done.size > 64) return false;
            done.add(next);
          }
        }
        return true;
      },
    ),
    runs(4000),
  );
  t.pass('held');
});

t.test('a node is only what it shows', async (t) => {
  const state: SecretState = new World().state;
  t.strictSame(readingOf(state), { kind: 'unknown' });
});
