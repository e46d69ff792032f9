import t from 'tap';
import { nextStep, type LoginLife } from '../../src/vault/login-plan.js';

const HOUR = 3_600_000;
const life: LoginLife = { ttlMs: HOUR, longestTtlMs: HOUR, renewable: true, makesLogins: true };
const middle = (): number => 0.5;

t.test('a renewable login is renewed at two thirds, give or take a tenth', async (t) => {
  t.same(nextStep(life, middle), { kind: 'renew', afterMs: 2_400_000 });
  t.same(nextStep(life, () => 0)?.afterMs, 2_160_000);
  t.ok((nextStep(life, () => 0.999)?.afterMs ?? 0) < 2_640_000);
});

t.test('one that cannot be renewed is replaced, or its end is told', async (t) => {
  t.match(nextStep({ ...life, renewable: false }, middle), { kind: 'replace', afterMs: 2_400_000 });
  t.match(nextStep({ ...life, renewable: false, makesLogins: false }, middle), { kind: 'warn' });
});

t.test('one without an end, or of which none is known, is left alone', async (t) => {
  t.equal(nextStep({ ...life, ttlMs: null }, middle), null);
});

t.test('a grant below half of the longest ends the renewing', async (t) => {
  t.match(nextStep({ ...life, ttlMs: HOUR / 2 }, middle), { kind: 'renew' }, 'half is enough');
  t.same(nextStep({ ...life, ttlMs: HOUR / 2 - 1 }, middle), { kind: 'replace', afterMs: 10_000 });
  t.match(nextStep({ ...life, ttlMs: HOUR / 4, makesLogins: false }, middle), { kind: 'warn' });
});

t.test(
  'what lives for seconds is made anew when a read needs it, a given one renewed',
  async (t) => {
    const short = { ...life, ttlMs: 6_000, longestTtlMs: 6_000 };
    t.equal(nextStep(short, middle), null);
    t.same(nextStep({ ...short, makesLogins: false }, middle), { kind: 'renew', afterMs: 4_000 });
    t.same(nextStep({ ...life, ttlMs: 12_000, longestTtlMs: 12_000 }, middle)?.afterMs, 10_000);
  },
);

t.test('whatever was granted, nothing is done more often than the least distance', async (t) => {
  for (let ttlMs = 1; ttlMs < 20 * HOUR; ttlMs = Math.ceil(ttlMs * 1.3)) {
    for (const makesLogins of [true, false]) {
      for (const random of [0, 0.5, 0.999]) {
        const facts = { ttlMs, longestTtlMs: 4 * HOUR, renewable: true, makesLogins };
        const afterMs = nextStep(facts, () => random)?.afterMs ?? Infinity;
        if (afterMs < (makesLogins ? 10_000 : 1_000)) t.fail(`${afterMs} ms of ${ttlMs}`);
      }
    }
  }
  t.pass('for one second to twenty hours');
});
