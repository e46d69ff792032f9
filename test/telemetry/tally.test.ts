import fc from 'fast-check';
import Counter from 'prom-client/lib/counter.js';
import t from 'tap';
import { Tally } from '../../src/telemetry/tally.js';

const names = ['route', 'method', 'status'];

function counter(): Counter {
  return new Counter({
    name: 'seen_total',
    help: 'What was seen.',
    labelNames: names,
    registers: [],
  });
}

async function shown(instrument: Counter): Promise<Readonly<Record<string, number>>> {
  const { values } = await instrument.get();
  return Object.fromEntries(
    values.map(({ labels, value }) => [names.map((name) => labels[name]).join(' '), value]),
  );
}

t.test(
  'whatever is counted, and whenever it is handed over, the counter says the same',
  async (t) => {
    const value = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.tuple(value, value, value) },
      { weight: 1, arbitrary: fc.constant('flush' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step), async (steps) => {
        const [direct, tallied] = [counter(), counter()];
        const tally = new Tally(tallied, names);
        for (const one of steps) {
          if (one === 'flush') {
            tally.flush();
            continue;
          }
          const [route, method, status] = one;
          direct.inc({ route, method, status });
          tally.count(one);
        }
        tally.flush();
        t.same(await shown(tallied), await shown(direct));
      }),
      { numRuns: 200 },
    );
  },
);

t.test(
  'what was counted is not in the counter before it is handed over, and then once',
  async (t) => {
    const instrument = counter();
    const tally = new Tally(instrument, names);
    tally.count(['/health', 'GET', '200']);
    t.same(await shown(instrument), {});
    tally.flush();
    tally.flush();
    t.same(await shown(instrument), { '/health GET 200': 1 });
  },
);
