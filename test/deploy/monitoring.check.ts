// deploy/monitoring/rules.yaml with Prometheus' own tools: every story of the table, and what they are written in.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { promtoolFile } from './monitoring-stories.js';
import { firing, silent } from './monitoring-table.js';
import { alertNames, groupNames, RULES } from './monitoring-files.js';
import { tool } from './tool.js';

t.test('the rules are valid', async (t) => {
  t.match(tool('promtool', ['check', 'rules', RULES]), /SUCCESS/);
});

for (const [kind, stories] of Object.entries({ firing, silent })) {
  for (const story of stories) {
    t.test(`${kind}: ${story.name}`, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'kt-'));
      t.teardown(() => {
        rmSync(folder, { recursive: true });
      });
      const file = join(folder, 'story.yaml');
      writeFileSync(file, promtoolFile(resolve(RULES), groupNames, story));
      t.match(tool('promtool', ['test', 'rules', file]), /SUCCESS/);
    });
  }
}

t.test('every alert has a story in which it fires', async (t) => {
  const fired = firing.flatMap(({ fires }) => fires.map((it) => it.split('/')[1]));
  t.strictSame([...new Set(fired)].sort(), [...alertNames].sort());
});
