import t from 'tap';
import { AttemptNarrator } from '../../src/daemon/attempt-narrator.js';
import { ChangeNarrator } from '../../src/daemon/change-narrator.js';
import type { AgentEvent } from '../../src/daemon/agent-event.js';
import type { Failure } from '../../src/health/failure.js';
import { emptyRecord, recordAttempt } from '../../src/refresh/record.js';
import type { AuditEvent, AuditFields } from '../../src/telemetry/audit.js';
import type { LogFields, Logger } from '../../src/telemetry/logger.js';
import { TokenStore } from '../../src/token/store.js';
import { FakeClock } from '../fixtures/fake-clock.js';
import { EPOCH, gone, live } from '../fixtures/readings.js';

interface Told {
  readonly logs: { level: string; fields: LogFields; message: string }[];
  readonly audits: { event: AuditEvent; fields: AuditFields | undefined }[];
  readonly events: AgentEvent[];
  readonly counts: string[];
}

function listeners() {
  const told: Told = { logs: [], audits: [], events: [], counts: [] };
  const log = (level: string) => (fields: LogFields, message: string) => {
    told.logs.push({ level, fields, message });
  };
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
  const logger = Object.fromEntries(levels.map((level) => [level, log(level)]));
  return {
    told,
    options: {
      token: 'default',
      clock: new FakeClock(),
      logger: logger as unknown as Logger,
      audit: (event: AuditEvent, fields?: AuditFields) => told.audits.push({ event, fields }),
      metrics: {
        refreshAttempt: (_: string, outcome: string) => told.counts.push(outcome),
        tokenRotated: () => told.counts.push('rotated'),
        tokenRegressed: () => told.counts.push('regressed'),
      },
      onEvent: (event: AgentEvent) => told.events.push(event),
    },
  };
}

t.test('a fault is told once, then every five minutes, then its end', async (t) => {
  const { told, options } = listeners();
  const narrator = new AttemptNarrator(options);
  let record = emptyRecord;
  const attempt = async (failure: Failure | null) => {
    record = recordAttempt(record, { failure, isConfirmed: failure === null }, EPOCH, 0);
    narrator.attempted({ failure, isConfirmed: false }, record, true);
    await options.clock.advance(1_000);
  };
  const sealed: Failure = { class: 'vault_sealed', message: 'unseal it' };
  await attempt(null);
  t.equal(told.logs.length, 0, 'success is no news');
  for (let poll = 0; poll < 600; poll += 1) await attempt(sealed);
  t.equal(told.logs.length, 2);
  t.match(told.logs[0], { level: 'warn', fields: { class: 'vault_sealed', reason: 'unseal it' } });
  t.match(told.logs[0]?.message, 'the last good token is kept');
  t.match(told.logs[1], { fields: { failures: 301 } });
  await attempt({ class: 'vault_timeout', message: 'slow' });
  t.equal(told.logs.length, 3, 'another class is news');
  await attempt(null);
  t.match(told.logs[3], { level: 'info', fields: { class: 'vault_timeout', failures: 601 } });
  t.strictSame(
    told.events.map(({ type }) => type),
    ['failed', 'failed', 'recovered'],
  );
  t.equal(told.counts.filter((outcome) => outcome === 'vault_sealed').length, 600);
});

t.test('each change has its log line, its audit line and its event', async (t) => {
  const { told, options } = listeners();
  const narrator = new ChangeNarrator(options);
  const store = new TokenStore({
    field: 'token',
    limits: { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' },
    shortGraceMs: 0,
    now: EPOCH,
  });
  store.subscribe((decision) => {
    narrator.decided(decision);
  });
  const soon = { not_before: new Date(EPOCH + 100_000).toISOString() };
  store.observeNewest(live(1, 'a', 0), EPOCH + 1);
  store.observeNewest(live(2, 'b', 10), EPOCH + 20);
  store.observeNewest(live(1, 'a', 0), EPOCH + 30);
  store.observeNewest(live(3, 'c', 40, soon), EPOCH + 50);
  store.observeNewest(live(4, 'b', 60), EPOCH + 70);
  store.at(EPOCH + 10 + 300_000);
  store.observeNewest(gone('destroyed', 4, 60), EPOCH + 400_000);
  store.observeNewest(live(5, 'd', 500_000), EPOCH + 500_001);
  t.strictSame(
    told.events.map(({ type, version }) => [type, version]),
    [
      ['loaded', 1],
      ['rotated', 2],
      ['pending', 3],
      ['cancelled', 4],
      ['revoked', 4],
      ['rotated', 5],
    ],
  );
  t.strictSame(
    told.audits.map(({ event }) => event),
    [
      'token_loaded',
      'token_rotated',
      'token_regressed',
      'token_pending',
      'token_retired',
      'token_retired',
      'token_revoked',
      'token_rotated',
    ],
  );
  t.match(told.audits[1]?.fields, {
    version: 2,
    previous_version: 1,
    usable_until: new Date(EPOCH + 300_010).toISOString(),
  });
  t.strictSame(
    told.counts,
    ['rotated', 'regressed', 'rotated'],
    'taking a pending token back is no rotation',
  );
});
