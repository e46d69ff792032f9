// `keytender request` against fake agents over real sockets; against a real one it is run by docs.test.ts and
// test/integration/library.test.ts.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { bodyOf, BODY_BYTES_MAX } from '../../../src/cli/request/body.js';
import { main } from '../../../src/cli/main.js';
import { signResponse } from '../../../src/client/index.js';
import { fakeAgent, freePort } from '../fake-agent.js';
import { testIo } from '../test-io.js';

const key = 'cli-token-0123456789abcdef0123456789';

async function folder(test: { teardown(end: () => Promise<void>): void }): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kt-'));
  test.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function run(argv: readonly string[], env: Record<string, string> = {}) {
  const io = testIo({ env });
  const code = await main(['request', ...argv], io);
  return { code, out: io.out(), err: io.err() };
}

/** Answers as an agent that knows `key`. */
async function signedAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
  of = key,
): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const { method = '', url = '', rawHeaders } = request;
  const message = { method, url, headers: rawHeaders, scheme: 'http' };
  const keyid = /keyid="([^"]+)"/.exec(String(request.headers['signature-input']))?.[1] ?? '';
  const signed = await signResponse({ status, headers, body }, message, { key: of, keyid });
  response.writeHead(status, { ...headers, ...signed.headers }).end(body);
}

t.test('by socket: the proof is sent, the body is printed, a 2xx is 0', async (t) => {
  const path = join(await folder(t), 'agent.sock');
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    response.writeHead(request.url === '/v1/tokens' ? 200 : 403).end('{"x":1}');
  }).listen(path);
  t.teardown(() => server.close());
  await once(server, 'listening');
  t.same(await run(['GET', '/v1/tokens', '--socket', path, '-H', 'X-A: b', '-H', 'X-A: c']), {
    code: 0,
    out: '{"x":1}\n',
    err: '',
  });
  t.match(seen[0]?.headers, { 'keytender-request': 'true', 'x-a': 'b, c', host: 'localhost' });
  t.match(await run(['get', '/v1/no', '--socket', path]), {
    code: 1,
    out: '{"x":1}\n',
    err: /answered 403/,
  });
  const bySetting = await run(['GET', '/v1/tokens'], { KEYTENDER_LISTEN_SOCKET: path });
  t.equal(bySetting.code, 0, 'as the environment names it');
});

t.test('by key: the request is signed and the answer verified', async (t) => {
  const home = await folder(t);
  const file = join(home, 'token');
  await writeFile(file, `${key}\n`);
  const inputs: string[] = [];
  let of = key;
  await using agent = await fakeAgent((request, response) => {
    inputs.push(String(request.headers['signature-input']));
    void signedAnswer(request, response, 200, '{"ok":true}', of);
  });
  const holder = ['--url', agent.url, '--token-file', file, '--name', 'billing'];
  t.match(await run(['GET', '/v1/tokens', ...holder]), { code: 0, out: '{"ok":true}\n' });
  t.match(inputs[0], /keyid="billing";tag="keytender-api"/);
  const client = ['--url', agent.url, '--client', 'shop', '--key-file', file];
  t.match(await run(['POST', '/v1/x', '-d', '{"a":1}', ...client]), { code: 0 });
  t.match(inputs[1], /"content-digest" "content-type"\).*keyid="client:shop"/);

  of = 'somebody-else-0123456789abcdef012345';
  const forged = await run(['GET', '/v1/tokens', ...holder]);
  t.match(forged, { code: 1, out: '', err: /not proven to be the agent's: signature_mismatch/ });
});

t.test('an unsigned refusal is told by its status alone, its body is not shown', async (t) => {
  const file = join(await folder(t), 'token');
  await writeFile(file, key);
  await using agent = await fakeAgent((_request, response) => {
    response.writeHead(401).end('{"code":"canary"}');
  });
  const refused = await run(['GET', '/v1/tokens', '--url', agent.url, '--token-file', file]);
  t.match(refused, { code: 1, out: '', err: /answered 401, unsigned/ });
  t.notMatch(refused.err, /canary/);
  const nobody = await run(['GET', '/v1/tokens', '--url', agent.url]);
  t.match(nobody, { code: 1, err: /name --socket, --token-file, or --client with --key-file/ });
});

t.test('nobody there is 1, with a sentence', async (t) => {
  const url = `http://127.0.0.1:${await freePort()}`;
  t.match(await run(['GET', '/health', '--url', url]), { code: 1, err: /nothing listens there/ });
  const socket = join(await folder(t), 'none.sock');
  t.match(await run(['GET', '/health', '--socket', socket]), { code: 1, err: /no such socket/ });
});

const mistakes: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['no path', ['GET'], /missing required argument 'path'/],
  ['a path without a slash', ['GET', 'health'], /PATH must start with \//],
  ['a path with a fragment', ['GET', '/a#b'], /PATH must start with \//],
  ['no method', ['GE T', '/'], /METHOD must be/],
  ['a header without a colon', ['GET', '/', '-H', 'x'], /'Name: value'/],
  ['a header with a line break', ['GET', '/', '-H', 'x: a\r\ny: b'], /'Name: value'/],
  ['both places', ['GET', '/', '--socket', 'a', '--url', 'http://a'], /name one of them/],
  ['a socket path that is too long', ['GET', '/', '--socket', 'x'.repeat(108)], /1 to 107 bytes/],
  ['a url with a path', ['GET', '/', '--url', 'http://a/b'], /PATH is an argument/],
  ['a client without a key', ['GET', '/', '--client', 'a'], /belong together/],
  [
    'a client with a token',
    ['GET', '/', '--client', 'a', '--key-file', 'b', '--token-file', 'c'],
    /name one/,
  ],
  ['a name that is none', ['GET', '/', '--token-file', 'a', '--name', 'A'], /a-z, 0-9 and -/],
  ['a key by socket', ['GET', '/', '--socket', 'a', '--token-file', 'b'], /nothing is signed/],
  [
    'a file of content that is not there',
    ['POST', '/', '-d', '@no-such-file'],
    /--data: the file does not exist/,
  ],
  ['settings that are wrong', ['GET', '/', '--set', 'listen.adress=x'], /in the settings/],
];
t.test('what was written wrong is 2, and nothing is sent', async (t) => {
  for (const [what, argv, sentence] of mistakes) {
    const { code, err } = await run(argv);
    t.equal(code, 2, what);
    t.match(err, sentence, what);
  }
});

t.test('content is text, a file, or standard input, up to a limit', async (t) => {
  const file = join(await folder(t), 'body');
  await writeFile(file, Buffer.from([0, 255]));
  const stdin = (async function* () {
    yield 'a';
    yield Buffer.from('b');
  })();
  t.same(await bodyOf('ü', stdin), Buffer.from('ü'));
  t.same(Buffer.from(await bodyOf(`@${file}`, stdin)), Buffer.from([0, 255]));
  t.same(await bodyOf('@-', stdin), Buffer.from('ab'));
  const endless = (async function* () {
    for (;;) yield Buffer.alloc(BODY_BYTES_MAX);
  })();
  await t.rejects(bodyOf('@-', endless), { message: /longer than/ });
});

t.test('a key file that cannot be read is 1', async (t) => {
  const argv = ['GET', '/v1/tokens', '--url', 'http://127.0.0.1:1', '--token-file', '/no/such'];
  t.match(await run(argv), { code: 1, err: /the key file does not exist/ });
});
