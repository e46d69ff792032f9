import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { render, unknownFields } from '../../src/sink/render.js';
import { SinkError } from '../../src/sink/sink.js';
import { AgentToken } from '../../src/token/agent-token.js';
import { strong } from '../fixtures/readings.js';
import { delivery, snapshotOf } from './deliveries.js';

const text = (format: 'raw' | 'json' | 'env') =>
  render({ format, template: null }, delivery(7, 'new', ['old'])).toString();

t.test('raw is the value and nothing else, not even a newline', async (t) => {
  t.equal(text('raw'), strong('new'));
});

t.test('json has the version, the times and the ones that still verify', async (t) => {
  t.strictSame(JSON.parse(text('json')), {
    name: 'default',
    value: strong('new'),
    version: 7,
    created_at: '2026-01-01T00:00:00.000Z',
    expires_at: null,
    superseded: [{ value: strong('old'), version: 6, usable_until: '2026-01-01T00:01:00.000Z' }],
  });
});

t.test('env has a line for each variable', async (t) => {
  t.equal(
    text('env'),
    `TOKEN=${strong('new')}\nTOKEN_VERSION=7\nTOKEN_CREATED_AT=2026-01-01T00:00:00.000Z\n`,
  );
});

t.test('env names the token unless it is the default one', async (t) => {
  const lines = (token: string) =>
    render({ format: 'env', template: null }, { token, snapshot: snapshotOf(1, 'x') }).toString();
  t.match(lines('pay-in'), /^PAY_IN_TOKEN=/);
  t.match(lines('2nd'), /^_2ND_TOKEN=/, 'no variable begins with a digit');
});

t.test('env without a version has no line for it', async (t) => {
  const snapshot = snapshotOf(1, 'x');
  const current = { ...snapshot.current, version: null };
  const lines = render(
    { format: 'env', template: null },
    { token: 'default', snapshot: { ...snapshot, current } },
  );
  t.notMatch(lines.toString(), /VERSION/);
});

t.test('a shell reads from env exactly the value, whatever is in it', async () => {
  const printable = fc.string({ unit: 'grapheme', minLength: 1 }).filter((s) => !/\p{C}/u.test(s));
  await fc.assert(
    fc.asyncProperty(printable, async (value) => {
      const snapshot = snapshotOf(1, 'x');
      const current = { ...snapshot.current, value: AgentToken.fromText(value) };
      const lines = render(
        { format: 'env', template: null },
        { token: 'default', snapshot: { ...snapshot, current } },
      );
      const read = execFileSync('sh', ['-c', 'eval "$(cat)"; printf %s "$TOKEN"'], {
        input: lines,
        env: { PATH: process.env['PATH'] },
      });
      return read.toString() === value;
    }),
    { numRuns: 25, examples: [["it's"], ['$(id)'], ['a b'], ['`x`'], ['\\'], ["''"], ['ä"']] },
  );
});

t.test('a template is filled in, and nothing that a value contains is', async (t) => {
  const filled = (template: string, token = 'new') =>
    render({ format: 'template', template }, delivery(7, token)).toString();
  t.equal(filled('a={{value}};v={{ version }}'), `a=${strong('new')};v=7`);
  t.equal(filled('{"t":{{value_json}}}', 'q"'), JSON.stringify({ t: strong('q"') }));
  t.equal(filled('{{value_base64}}'), Buffer.from(strong('new')).toString('base64'));
  t.equal(filled('{{name}} {{created_at}}'), 'default 2026-01-01T00:00:00.000Z');
  t.equal(filled('{{value}}', '{{version}}$&'), strong('{{version}}$&'));
  t.equal(filled('{ {value} } ${value}'), '{ {value} } ${value}'); // eslint-disable-line no-template-curly-in-string
});

t.test('a template that names an unknown field is refused', async (t) => {
  t.strictSame(unknownFields('{{value}} {{ valeu }} {{}}'), ['valeu', '']);
  t.throws(
    () => render({ format: 'template', template: '{{valeu}}' }, delivery(1, 'x')),
    SinkError,
  );
});
