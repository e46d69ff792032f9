import t from 'tap';
import type { Figure } from '../../bench/parts/figure.js';
import { regressions } from '../../bench/parts/guard.js';
import { lineThrough, quantile, summaryOf } from '../../bench/parts/statistics.js';
import { outcomesOf } from '../../bench/parts/targets.js';

function figure(id: string, keytender: number, bare: number): Figure {
  const values = { keytender: summaryOf([keytender]), 'node:http': summaryOf([bare]) };
  return { id, text: id, unit: 'MB', values };
}

t.test('a quarter worse is a regression, on a slower machine too', async (t) => {
  const committed = [figure('memory.rss', 60, 40), figure('throughput.signed', 10, 40)];
  const worse = (measured: readonly Figure[]) =>
    regressions(measured, committed).map(({ text }) => text);
  t.same(worse(committed), []);
  t.same(worse([figure('memory.rss', 148, 80)]), [], 'by less than a quarter');
  t.same(worse([figure('memory.rss', 152, 80)]), ['Resident memory, idle']);
  t.same(worse([figure('memory.rss', 20, 80)]), [], 'better');
  t.same(worse([figure('throughput.signed', 4.1, 20)]), []);
  t.same(worse([figure('throughput.signed', 3.9, 20)]), ['Signed `GET /v1/tokens`, requests/s']);
  t.same(worse([figure('throughput.signed', 30, 20)]), []);
});

t.test('a target is met, missed, or was not measured', async (t) => {
  const of = (figures: readonly Figure[], id: string) =>
    outcomesOf(figures).find((outcome) => outcome.figure === id);
  t.match(of([figure('memory.rss', 58, 40)], 'memory.rss'), { found: 1.45, isMet: true });
  t.match(of([figure('memory.rss', 59, 40)], 'memory.rss'), { isMet: false });
  t.match(of([figure('throughput.signed', 12, 40)], 'throughput.signed'), { isMet: true });
  t.match(of([figure('throughput.signed', 11, 40)], 'throughput.signed'), { isMet: false });
  t.match(of([], 'memory.rss'), { found: null, isMet: null });
});

t.test('quantiles, and a line with its bound', async (t) => {
  t.equal(quantile([3, 1, 2], 0.5), 2);
  t.equal(quantile([0, 10], 0.99), 9.9);
  t.ok(Number.isNaN(quantile([], 0.5)));
  const exact = lineThrough([0, 1, 2, 3].map((x) => [x, 5 + 2 * x] as const));
  t.match(exact, { slope: 2, slopeMax: 2 });
  const noisy = lineThrough([0, 1, 2, 3].map((x) => [x, x % 2] as const));
  t.ok(noisy.slopeMax > noisy.slope);
});
