import { readFile } from 'node:fs/promises';
import t from 'tap';
import { auditEvents, buildAudit, isAuditLine } from '../../src/telemetry/audit.js';
import { FakeClock } from '../fixtures/fake-clock.js';

const root = new URL('../../', import.meta.url);

function recording() {
  const lines: string[] = [];
  const audit = buildAudit({
    agentId: 'app-0',
    clock: new FakeClock(),
    write: (line) => lines.push(line),
  });
  return { lines, audit };
}

t.test('an event is one JSON line with when, who and what', async (t) => {
  const { lines, audit } = recording();
  audit('token_rotated', { token: 'default', version: 8, previous_version: 7 });
  audit('agent_stopped');
  t.same(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      {
        audit: true,
        event: 'token_rotated',
        time: '2026-01-01T00:00:00.000Z',
        agent_id: 'app-0',
        token: 'default',
        version: 8,
        previous_version: 7,
      },
      { audit: true, event: 'agent_stopped', time: '2026-01-01T00:00:00.000Z', agent_id: 'app-0' },
    ],
  );
  t.ok(lines.every((line) => isAuditLine(line)));
  t.notOk(isAuditLine('{"level":"info","msg":"\\"audit\\":true"}'));
});

t.test(
  'no field can pass for what the agent says of itself, and none breaks the line',
  async (t) => {
    const { lines, audit } = recording();
    const forged = { event: 'agent_started', audit: false, agent_id: 'x', time: 'x' };
    audit('auth_failure', { ...forged, reason: 'a\n{"audit":true}' });
    t.equal(lines.length, 1);
    t.notMatch(lines[0], /\n/);
    t.match(JSON.parse(lines[0]!), { audit: true, event: 'auth_failure', agent_id: 'app-0' });
  },
);

t.test('the documentation has exactly the events and the fields of the code', async (t) => {
  const page = await readFile(new URL('docs/audit.md', root), 'utf8');
  const [events = '', fields = ''] = page.split('\n## Fields\n');
  const firstCells = (text: string) => [...text.matchAll(/^\| `(\w+)` /gm)].map(([, cell]) => cell);
  t.same(firstCells(events).toSorted(), [...auditEvents].toSorted());

  const source = await readFile(new URL('src/telemetry/audit.ts', root), 'utf8');
  const declared = [...source.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name);
  t.ok(declared.length > 10);
  t.same(firstCells(fields).toSorted(), declared.toSorted());
});
