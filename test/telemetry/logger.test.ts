import t from 'tap';
import { buildLogger, type LoggerOptions } from '../../src/telemetry/logger.js';
import { FakeClock } from '../fixtures/fake-clock.js';

async function logging(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const logger = await buildLogger({
    level: 'info',
    format: 'auto',
    isTerminal: false,
    clock: new FakeClock(),
    write: (line) => lines.push(line),
    ...options,
  });
  return { lines, logger };
}

t.test('a line is one JSON object with level, time, facts and message', async (t) => {
  const { lines, logger } = await logging();
  logger.warn(
    { token: 'default', class: 'vault_sealed' },
    'the token was not refreshed\nsee /health',
  );
  t.same(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      {
        level: 'warn',
        time: '2026-01-01T00:00:00.000Z',
        token: 'default',
        class: 'vault_sealed',
        msg: 'the token was not refreshed\nsee /health',
      },
    ],
  );
  t.notMatch(lines[0], /\n/);
});

t.test('the level holds from the next line on', async (t) => {
  const { lines, logger } = await logging();
  logger.debug({}, 'hidden');
  logger.setLevel('trace');
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) {
    logger[level]({}, level);
  }
  logger.setLevel('silent');
  logger.fatal({}, 'hidden too');
  t.same(
    lines.map((line) => (JSON.parse(line) as { level: string }).level),
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
  );
});

t.test('on a terminal, or when asked, lines are for a person', async (t) => {
  for (const options of [
    { format: 'auto', isTerminal: true },
    { format: 'pretty', isTerminal: false },
  ] as const) {
    const { lines, logger } = await logging(options);
    logger.info({ token: 'default' }, 'refreshed');
    t.equal(lines.length, 1);
    t.match(lines[0], /INFO.*refreshed.*"token":"default"/);
    t.notMatch(lines[0], /\n|^\{/);
    t.equal(lines[0]?.includes('\u001b['), options.isTerminal, 'colours only on a terminal');
  }
  const { lines, logger } = await logging({ format: 'json', isTerminal: true });
  logger.info({}, 'x');
  t.match(lines[0], /^\{/);
});
