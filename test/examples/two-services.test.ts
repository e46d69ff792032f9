// The example is run as its page says, for a few seconds: orders are served, the token rotates, nobody is refused.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';

const page = readFileSync('examples/two-services/README.md', 'utf8');

t.test('two services call each other across rotations without a refusal', async (t) => {
  const command = /^npm ci && npm run build && (node examples\/\S+)$/m.exec(page)?.[1] ?? '';
  const [program = '', script = ''] = command.split(' ');
  t.equal(program, 'node');
  const { code, out } = await new Promise<{ code: unknown; out: string }>((resolve) => {
    // tap puts its loader into NODE_OPTIONS of every child
    const args = ['-u', 'NODE_OPTIONS', process.execPath, script, '4'];
    execFile('env', args, { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, out: stdout + stderr });
    });
  });
  t.equal(code, 0, out);
  t.match(out, /a stranger without a signature: 401/);
  t.match(out, /billing: signs with version [2-9] now/);
  t.match(out, /^[1-9]\d* orders served, [2-9] rotations, refused: \[\]$/m);
});
