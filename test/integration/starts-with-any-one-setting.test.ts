// "Any one valid setting alone starts": the built program with nothing but a token source and one setting, each of the
// table once, until it listens, and then stops with 0. test/config/ loads thousands of generated values besides.
import { chmod, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { canonicalName } from '../../src/config/names.js';
import { settings, type SettingKey } from '../../src/config/settings.js';
import { companions, valid } from '../config/valid-values.js';
import { freePort } from '../cli/fake-agent.js';
import { AgentProcess, pause } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';

const atOnce = 3;

const folder = await mkdtemp(join(tmpdir(), 'kt-'));
t.teardown(() => rm(folder, { recursive: true }));

async function fileAt(name: string, source: string): Promise<string> {
  const path = join(folder, name);
  await copyFile(new URL(`../vault/tls/${source}`, import.meta.url), path);
  await chmod(path, 0o600);
  return path;
}

const certificate = await fileAt('certificate.pem', 'server.pem');
const key = await fileAt('key.pem', 'server.key');
const authority = await fileAt('ca.pem', 'ca.pem');
await mkdir(join(folder, 'run'), { mode: 0o755 });

/** What has to be there on the machine: files, addresses and groups of this one. */
const here: { readonly [K in SettingKey]?: string } = {
  'vault.address': 'http://127.0.0.1:1',
  'vault.ca_cert': authority,
  'vault.client_cert': certificate,
  'vault.client_key': key,
  'vault.auth.jwt_file': key,
  'vault.auth.secret_id_cache': join(folder, 'secret-id'),
  'listen.address': '127.0.0.1:0',
  'listen.probe_address': '127.0.0.1:0',
  'listen.socket': join(folder, 'run', 'agent.sock'),
  'listen.socket_group': String(process.getgid?.() ?? 0),
  'listen.tls_cert': certificate,
  'listen.tls_key': key,
  'listen.tls_client_ca': authority,
  'audit.file': join(folder, 'audit.jsonl'),
};

function environmentOf(one: SettingKey): Record<string, string> {
  const value = here[one] ?? fc.sample(valid[one], { numRuns: 1, seed: 7 })[0] ?? '';
  const beside = Object.keys(companions(one, value)).map((name) => [
    name,
    here[name as SettingKey] ?? companions(one, value)[name],
  ]);
  const all: Record<string, string> = Object.fromEntries([[one, value], ...beside]);
  return Object.fromEntries(Object.entries(all).map(([name, text]) => [canonicalName(name), text]));
}

/** Resolves when something listens there; rejects when the agent ends before. */
async function untilListening(agent: AgentProcess, port: number): Promise<void> {
  const end = agent.ended.then(() => Promise.reject(new Error(`it ended:\n${agent.output}`)));
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const isOpen = await Promise.race([end, connects(port)]);
    if (isOpen) return;
    await pause(50);
  }
  throw new Error(`nothing listens:\n${agent.output}`);
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => socket.destroy());
    socket.once('close', (hadError) => {
      resolve(!hadError);
    });
    socket.once('error', () => undefined);
  });
}

/** null when it started and stopped as it must, else what went wrong. */
async function problemWith(
  one: SettingKey,
  source: Record<string, string>,
): Promise<string | null> {
  let problem = await problemAtOnePort(one, source);
  // what is free may be taken by a connection that goes out before the agent binds it, even by our own look at it
  for (let again = 0; again < 2 && problem?.includes(TAKEN) === true; again += 1) {
    problem = await problemAtOnePort(one, source);
  }
  return problem;
}

const TAKEN = 'another process already listens there';

async function problemAtOnePort(
  one: SettingKey,
  source: Record<string, string>,
): Promise<string | null> {
  const port = await freePort();
  const own = { ...source, KEYTENDER_LISTEN_ADDRESS: `127.0.0.1:${port}`, ...environmentOf(one) };
  if (one === 'listen.address') own.KEYTENDER_LISTEN_ADDRESS = `127.0.0.1:${port}`;
  await using agent = new AgentProcess({ env: own });
  try {
    await untilListening(agent, port);
  } catch (error) {
    return `${one}: ${String(error)}`;
  }
  agent.kill('SIGTERM');
  // A second one ends a long `shutdown.delay`; two of a kind could arrive as one.
  if (one.startsWith('shutdown.')) agent.kill('SIGINT');
  const { code } = await agent.ended;
  return code === 0 ? null : `${one}: ended with ${String(code)}\n${agent.output}`;
}

async function problemsOf(keys: readonly SettingKey[], source: Record<string, string>) {
  const left = [...keys];
  const problems: string[] = [];
  const worker = async (): Promise<void> => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) {
      const problem = await problemWith(one, source);
      if (problem !== null) problems.push(problem);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return problems;
}

const keys = Object.keys(settings) as SettingKey[];
const ofVault = keys.filter((one) => /^(vault|refresh)\./.test(one) || one === 'deployment');

t.test('with a Vault that is not there', async (t) => {
  const vault = { VAULT_ADDR: 'http://127.0.0.1:1', VAULT_TOKEN: 'a-vault-token' };
  const own = (one: SettingKey): boolean => one !== 'vault.address' && one !== 'vault.auth.token';
  t.strictSame(await problemsOf(ofVault.filter(own), vault), []);
});

t.test('in static mode', async (t) => {
  const others = keys.filter((one) => !ofVault.includes(one) && one !== 'token.initial');
  t.strictSame(await problemsOf(others, { AGENT_TOKEN: strong('static') }), []);
});

t.test('the token source itself', async (t) => {
  t.strictSame(await problemsOf(['vault.address', 'token.initial'], {}), []);
});
