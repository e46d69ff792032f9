// The programs of docs/sign-from.md, as they stand there, against the published vectors; and sent with curl.
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import {
  keytenderAnswerPolicy,
  keytenderPolicy,
  refusalReasons,
  rfc9421Policy,
  verify,
} from '../../src/client/index.js';
import { taskOf } from './interop-tasks.js';
import { keyBytes, vectors } from './vector-file.js';
import type { AcceptedVector } from './vector-file.js';

const page = readFileSync(new URL('../../docs/sign-from.md', import.meta.url), 'utf8');
const reference = readFileSync(new URL('../../docs/signatures.md', import.meta.url), 'utf8');
const home = mkdtempSync(join(tmpdir(), 'keytender-sign-'));
t.teardown(() => {
  rmSync(home, { recursive: true, force: true });
});

const COMPONENTS = ['@method', '@authority', '@path', '@query', 'content-digest', 'content-type'];
const programs: Readonly<Record<string, readonly string[]>> = {
  'sign.sh': ['sh', 'sign.sh'],
  'sign.py': ['python3', 'sign.py'],
  'sign.mjs': [process.execPath, 'sign.mjs'],
};
for (const name of [...Object.keys(programs), 'sign.go'])
  writeFileSync(join(home, name), block(`file: ${name}`));

t.test('the programs sign the vectors as the vectors say', async (t) => {
  const signable = vectors.accepted.filter(isPlain);
  t.ok(signable.length >= 30, `${signable.length} vectors`);
  for (const [name, command] of Object.entries(programs)) {
    // each start of a program takes time: all vectors for two languages, some for the others
    const isBrief = name === 'sign.mjs';
    for (const vector of isBrief ? signable.filter((_, at) => at % 4 === 0) : signable) {
      t.ok(
        run(command, vector).endsWith(`Signature: keytender=:${vector.mac}:\n`),
        `${name}: ${vector.name}`,
      );
    }
  }
});

const compiler = 'go';

t.test('the Go program signs the vectors, where Go is installed', async (t) => {
  if (spawnSync(compiler, ['version']).status !== 0) {
    t.comment('no Go on this machine');
    return;
  }
  execFileSync(compiler, ['build', '-o', 'sign-go', 'sign.go'], {
    cwd: home,
    stdio: 'pipe',
    timeout: 100_000,
  });
  for (const vector of vectors.accepted.filter(isPlain)) {
    t.ok(
      run(['./sign-go'], vector).endsWith(`Signature: keytender=:${vector.mac}:\n`),
      vector.name,
    );
  }
});

t.test('what the shell program signs and curl sends is accepted', async (t) => {
  const key = 'shell-token-0123456789abcdef01234567';
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', rawHeaders } = request;
      const received = {
        method,
        url,
        scheme: 'http',
        headers: rawHeaders,
        body: Buffer.concat(chunks),
      };
      void verify(received, [{ key, name: 'default' }]).then((verdict) => {
        response.writeHead(verdict.ok ? 200 : 401).end(JSON.stringify(verdict));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  writeFileSync(join(home, 'order.json'), '{"order":42,"note":"Zoë"}');
  writeFileSync(join(home, 'token'), key);
  const { port } = server.address() as AddressInfo;
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', block('run: send')], {
    cwd: home,
    env: {
      ...environment(),
      TOKEN_FILE: 'token',
      KEYID: 'default',
      URL: `http://127.0.0.1:${port}/a/../%61?b=c`,
    },
    timeout: 30_000,
  });
  t.match(JSON.parse(stdout), { ok: true, covered: COMPONENTS });
});

t.test('the page shows the base that its example has', async (t) => {
  const digest = /content-digest": (\S+)/.exec(page)?.[1];
  t.equal(digest, 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:');
});

t.test('the examples of the reference do what their comments say', async (t) => {
  const library = new URL('../../src/client/index.ts', import.meta.url).href;
  for (const name of ['example', 'replay']) {
    const code = block(`run: ${name}`, reference);
    const file = join(home, `${name}.mjs`);
    writeFileSync(file, code.replaceAll("from 'keytender'", `from '${library}'`));
    const printed: string[] = [];
    t.capture(console, 'log', (...values: unknown[]) => printed.push(values.join(' ')));
    await import(pathToFileURL(file).href);
    t.equal(
      printed.join('\n'),
      /; \/\/ (.*)$/m.exec(code.slice(code.indexOf('console.log')))?.[1],
      name,
    );
  }
});

t.test('the reference names every reason and every field of a policy, and no other', async (t) => {
  const section = (title: string) => reference.split(`## ${title}`)[1]!.split('\n## ')[0]!;
  const reasons = [...section('Reasons').matchAll(/^\| `([a-z_]+)`/gm)].map(([, name]) => name);
  t.same(reasons, refusalReasons);
  const fields = [...section('verify(').matchAll(/^\| (`[^|]*?) \|/gm)].flatMap(([, cell]) =>
    [...cell!.replaceAll(/\(.*?\)/g, '').matchAll(/`([A-Za-z]+)`/g)].map(([, name]) => name),
  );
  t.same(new Set(fields), new Set([...Object.keys(keytenderPolicy), 'audience']));
  const cells = (name: string) =>
    new RegExp(`^\\| \`${name}\`.*`, 'm')
      .exec(section('verify('))![0]
      .split('|')
      .slice(2, 5)
      .map((cell) => cell.trim());
  const { maxSkewSeconds, aheadSeconds, nonceCharsMin, nonceCharsMax } = keytenderPolicy;
  t.equal(cells('maxSkewSeconds')[0], `${maxSkewSeconds}, ${aheadSeconds}`);
  t.equal(cells('nonceCharsMin')[0], `${nonceCharsMin}, ${nonceCharsMax}`);
  const limits = [keytenderPolicy, keytenderAnswerPolicy, rfc9421Policy].map(
    (policy) => `${policy.signaturesMax}, ${policy.extraComponentsMax}, ${policy.fieldCharsMax}`,
  );
  t.same(cells('signaturesMax'), limits);
  t.equal(
    cells('components')[0],
    keytenderPolicy.components.map((name) => `\`${name}\``).join(' '),
  );
});

/** Vectors that cover what the programs cover, with parameters in their order. */
function isPlain(vector: AcceptedVector): boolean {
  const { components, expires, alg, nonce = '"' } = taskOf(vector);
  const names = components.map((text) => text.slice(1, -1));
  const wanted = COMPONENTS.slice(0, names.length);
  const input = vector.base.split('\n').at(-1)!;
  return (
    vector.response === undefined &&
    vector.policy.profile === 'keytender' &&
    vector.request.url.startsWith('http') &&
    (names.length === 4 ? (vector.request.body ?? '') === '' : names.length === 6) &&
    names.join() === wanted.join() &&
    expires === undefined &&
    !alg &&
    !/["\\]/.test(nonce) &&
    /;created=\d+;nonce="[^"]*";keyid="[^"]*";tag="[^"]*"$/.test(input) &&
    !/sha-512|md5/.test(vector.base) &&
    vector.request.body !== ''
  );
}

function run([program, ...first]: readonly string[], vector: AcceptedVector): string {
  const { method, url, body, headers } = vector.request;
  const { keyid, created, nonce, tag } = taskOf(vector);
  writeFileSync(join(home, 'key'), keyBytes(vector.key));
  writeFileSync(join(home, 'body'), Buffer.from(body ?? '', 'base64'));
  const type = headers.find(([name]) => name === 'Content-Type')?.[1];
  return execFileSync(program!, [...first, method, url, ...(body === null ? [] : ['body'])], {
    cwd: home,
    encoding: 'utf8',
    timeout: 20_000,
    env: {
      ...environment(),
      TOKEN_FILE: 'key',
      KEYID: keyid,
      CREATED: String(created),
      NONCE: nonce,
      TAG: tag,
      ...(type === undefined ? {} : { CONTENT_TYPE: type }),
    },
  });
}

/** Without the test runner's own loader. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME };
}

/** The code block behind a comment `<!-- … -->`. */
function block(comment: string, text = page): string {
  const at = text.indexOf(`<!-- ${comment} -->`);
  const code = /^```[a-z]+\n([\s\S]*?)^```$/m.exec(text.slice(at))?.[1];
  if (at < 0 || code === undefined) throw new Error(`no block ${comment}`);
  return code;
}
