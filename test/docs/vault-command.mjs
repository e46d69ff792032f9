#!/usr/bin/env node
// A stand-in for the `vault` command, for tests that run the commands of the manual where there is none: it makes the
// requests that the real one makes for them (github.com/hashicorp/vault, command/*.go), and refuses everything else.
// Compared with the `bao` of OpenBao 2: the same requests, but for the defaults that `token create` spells out.
import { readFileSync } from 'node:fs';

const [, , ...words] = process.argv;
const flags = new Map();
const rest = [];
for (const word of words) {
  const match = /^-([a-z-]+)(?:=(.*))?$/.exec(word);
  if (match === null) rest.push(word);
  else flags.set(match[1], match[2] ?? true);
}

const commands = {
  'kv put': (path, ...pairs) => {
    const options = flags.has('cas') ? { cas: Number(flags.get('cas')) } : {};
    return write(data(path), { data: fieldsOf(pairs), options });
  },
  'kv get': (path) => request('GET', data(path)),
  'kv delete': (path) =>
    flags.has('versions')
      ? write(kv('delete', path), { versions: versions() })
      : request('DELETE', data(path)),
  'kv undelete': (path) => write(kv('undelete', path), { versions: versions() }),
  'kv destroy': (path) => write(kv('destroy', path), { versions: versions() }),
  'kv rollback': async (path) => {
    const { data: newest } = await request('GET', data(path));
    const { data: old } = await request('GET', `${data(path)}?version=${flag('version')}`);
    return write(data(path), { data: old.data, options: { cas: newest.metadata.version } });
  },
  'kv metadata get': (path) => request('GET', kv('metadata', path)),
  'kv metadata put': (path) =>
    write(kv('metadata', path), { custom_metadata: fieldsOf([flag('custom-metadata')]) }),
  'policy write': (name, file) =>
    write(`sys/policies/acl/${name}`, { policy: readFileSync(file, 'utf8') }),
  'secrets move': (from, to) => write('sys/remount', { from, to }),
  'operator unseal': (key) => write('sys/unseal', { key }),
  'auth enable': (type) => request('POST', `sys/auth/${type}`, { type }),
  write: (path, ...pairs) => (flags.has('f') ? request('PUT', path) : write(path, fieldsOf(pairs))),
  read: (path) => request('GET', path),
  'token create': () =>
    write('auth/token/create', {
      policies: [flag('policy')],
      ttl: flags.get('ttl'),
      period: flags.get('period'),
      type: 'service',
    }),
  status: () => request('GET', 'sys/health'),
};
const known = {
  'kv put': ['mount', 'cas'],
  'kv get': ['mount'],
  'kv delete': ['mount', 'versions'],
  'kv undelete': ['mount', 'versions'],
  'kv destroy': ['mount', 'versions'],
  'kv rollback': ['mount', 'version'],
  'secrets move': [],
  'operator unseal': [],
  'kv metadata get': ['mount'],
  'kv metadata put': ['mount', 'custom-metadata'],
  'policy write': [],
  'auth enable': [],
  write: ['f', 'field'],
  read: ['field'],
  'token create': ['policy', 'ttl', 'period', 'field'],
  status: ['address'],
};

const name = Object.keys(commands).find((words) => `${rest.join(' ')} `.startsWith(`${words} `));
if (name === undefined) fail(`no such command here: ${rest.join(' ')}`);
for (const flag of flags.keys()) if (!known[name].includes(flag)) fail(`no such flag: -${flag}`);
const answer = await commands[name](...rest.slice(name.split(' ').length));
const field = flags.get('field');
// without a line break, as the real one writes where there is no terminal
if (field === 'token') process.stdout.write(answer.auth.client_token);
else if (field !== undefined) process.stdout.write(String(answer.data[field]));

function flag(name) {
  const value = flags.get(name);
  return typeof value === 'string' ? value : fail(`-${name} is missing`);
}

function kv(kind, path) {
  return `${flag('mount')}/${kind}/${path}`;
}

function data(path) {
  return kv('data', path);
}

function versions() {
  return flag('versions').split(',');
}

function fieldsOf(pairs) {
  const [file = ''] = pairs;
  if (file.startsWith('@')) return JSON.parse(readFileSync(file.slice(1), 'utf8'));
  return Object.fromEntries(
    pairs.map((pair) => [
      pair.slice(0, pair.indexOf('=')),
      valueOf(pair.slice(pair.indexOf('=') + 1)),
    ]),
  );
}

/** `-` is standard input, `@file` a file, both as they are. */
function valueOf(text) {
  if (text === '-') return readFileSync(0, 'utf8');
  return text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text;
}

function write(path, body) {
  return request('PUT', path, body);
}

async function request(method, path, body) {
  const { VAULT_ADDR, BAO_ADDR, VAULT_TOKEN, BAO_TOKEN } = process.env;
  const address = flags.get('address') ?? VAULT_ADDR ?? BAO_ADDR;
  const response = await fetch(`${address}/v1/${path}`, {
    method,
    headers: { 'X-Vault-Token': VAULT_TOKEN ?? BAO_TOKEN ?? '' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) fail(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? {} : JSON.parse(text);
}

function fail(sentence) {
  console.error(`vault: ${sentence}`);
  process.exit(2);
}
