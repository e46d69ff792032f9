import Registry from 'prom-client/lib/registry.js';
import t from 'tap';
import { buildSinkMetrics } from '../../src/telemetry/sink-metrics.js';
import { readMetrics } from './read-metrics.js';

t.test('without sinks there are no metrics of them', async (t) => {
  const registry = new Registry();
  const metrics = buildSinkMetrics(registry, []);
  metrics.sinkWritten('app', 'ok');
  metrics.fill([]);
  t.equal(readMetrics(await registry.metrics()).size, 0);
});

t.test('a delivery that never was is an absent series, a count is 0 from the start', async (t) => {
  const registry = new Registry();
  const metrics = buildSinkMetrics(registry, ['app', 'web']);
  const values = async (name: string) =>
    readMetrics(await registry.metrics())
      .get(`keytender_sink_${name}`)
      ?.samples.map(({ labels, value }) => [...Object.values(labels), value].join(' '));

  metrics.fill([
    { name: 'app', version: 7, lastSuccessAtMs: 1_500 },
    { name: 'web', version: null, lastSuccessAtMs: null },
  ]);
  t.strictSame(await values('token_version'), ['app 7']);
  t.strictSame(await values('last_success_timestamp_seconds'), ['app 1.5']);
  metrics.sinkWritten('web', 'timeout');
  t.strictSame(await values('writes_total'), [
    ...['app ok 0', 'app failed 0', 'app timeout 0'],
    ...['web ok 0', 'web failed 0', 'web timeout 1'],
  ]);
  metrics.fill([{ name: 'app', version: null, lastSuccessAtMs: 1_500 }]);
  t.strictSame(await values('token_version'), [], 'a token that was taken back has no version');
});
