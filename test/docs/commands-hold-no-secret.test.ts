// What is pasted from our pages and scripts stays in a shell's history, and in the process list while it runs: no command
// has a secret in it as text. A value comes from standard input, from a file, or from a command such as `openssl rand`.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { blocksOf, page } from './markdown.js';

/** A value that is none: filled in by the shell (`$…`), read from a file or from standard input, or left for you to write. */
const NO_LITERAL = String.raw`(?!\\?["']?(?:\$|@|%s|\\\(|<|…|\{\{|-(?:["'\s]|$)|\s|$)|""|'')`;
const SECRET_FIELD = String.raw`(?:token|new_token|key|secret_id|password|secret|role_secret)`;
const SECRET_NAME = String.raw`(?:[A-Z0-9_]*(?:TOKEN|SECRET|SECRET_ID|SECRET_ID_WRAPPED|PASSWORD|INITIAL|PRIVATE_KEY))`;
/** Writes of them as text: no `$` before what takes it. */
const PRINTS_TEXT = String.raw`\b(?:echo|printf)\b[^$|>;]*`;

/** What counts as a secret in a command. */
const patterns: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['an assignment or a field', new RegExp(String.raw`(?<![\w{.$-])${SECRET_FIELD}=${NO_LITERAL}`)],
  ['a variable', new RegExp(String.raw`(?<![\w$])${SECRET_NAME}=${NO_LITERAL}`)],
  ['a field of JSON', new RegExp(String.raw`\\?"${SECRET_FIELD}\\?"\s*:\s*(?=\\?")${NO_LITERAL}`)],
  [
    'a header',
    new RegExp(String.raw`(?:X-Vault-Token:|Authorization: *Bearer)\s*${NO_LITERAL}`, 'i'),
  ],
  [
    'a setting',
    new RegExp(String.raw`--set[ =]["']?[\w.]*(?:token|initial|secret_id)=${NO_LITERAL}`),
  ],
  [
    'an option',
    new RegExp(
      String.raw`--(?:root-token|password|token|key|secret-id)[ =](?![A-Z]+ )${NO_LITERAL}`,
    ),
  ],
  ['a login', new RegExp(String.raw`\b(?:vault|bao) login (?![^\n]*-method)["']?[^-\s$"'<]`)],
  ['a user with a password', /\bcurl\b[^\n]* (?:-u|--user)[ =]["']?[^$\s"':]+:[^$\s]/],
  ["one of Vault's own", /\b(?:hv[sbr]\.[\w-]{8,}|s\.[A-Za-z0-9]{20,})/],
  ['text that is piped in', new RegExp(String.raw`${PRINTS_TEXT}\|[^\n]*\b${SECRET_FIELD}=-`)],
  [
    'text for a file of a secret',
    new RegExp(String.raw`${PRINTS_TEXT}>\s*\S*(?:token|secret|\.key)\b`),
  ],
  [
    'random text',
    /(?<![\w+])(?=[a-zA-Z\d+]*[a-z])(?=[a-zA-Z\d+]*[A-Z])(?=[a-zA-Z+]*\d)[A-Za-z\d+]{24,}/,
  ],
];

/** A label of a metric is none. */
const metric = /keytender_\w+\{[^}']*/g;
/** Of the dev Vault alone, which is for trying out, and says so. */
const allowed =
  /--root-token root\b|-dev-root-token-id=root\b|(?<=VAULT_ADDR=http:\/\/127\.0\.0\.1:8200 )VAULT_TOKEN=root\b/g;

function secretsIn(command: string): string[] {
  const text = command.replaceAll(allowed, '').replaceAll(metric, '');
  return patterns.filter(([, pattern]) => pattern.test(text)).map(([what]) => what);
}

interface Command {
  readonly where: string;
  readonly text: string;
}

/** One command a line: a line that ends in a backslash goes on. */
function linesOf(path: string, text: string, firstLine: number): Command[] {
  const joined = text.replaceAll(/\\\n\s*/g, ' ');
  return joined
    .split('\n')
    .map((line, at) => ({ where: `${path}, from line ${firstLine}, ${at + 1}`, text: line }))
    .filter((command) => !/^\s*#/.test(command.text));
}

const shells = ['sh', 'bash', 'shell', 'console'];

function commandsOf(path: string): Command[] {
  if (!path.endsWith('.md')) return linesOf(path, page(path), 1);
  return blocksOf(page(path))
    .filter(({ language }) => shells.includes(language))
    .flatMap(({ language, text, line }) => {
      const lines = linesOf(path, text, line + 1);
      return language === 'console' ? lines.filter((each) => each.text.startsWith('$ ')) : lines;
    });
}

const isOurs = /\.(?:md|sh|ya?ml|service)$|^Dockerfile/;

function filesIn(folder: string, isDeep: boolean): string[] {
  return readdirSync(folder, { recursive: isDeep, encoding: 'utf8' })
    .filter((name) => isOurs.test(name.split('/').at(-1) ?? '') && !name.includes('node_modules'))
    .map((name) => join(folder, name));
}

t.test('no command of a page or a script has a secret in it', async (t) => {
  const deep = ['docs', 'examples', 'deploy'].flatMap((folder) => filesIn(folder, true));
  const pages = filesIn('.', false).filter((name) => name.endsWith('.md'));
  const commands = [...pages, ...deep].flatMap(commandsOf);
  t.ok(commands.length > 300, `${commands.length} lines`);
  for (const { where, text } of commands) {
    const found = secretsIn(text);
    if (found.length > 0) t.fail(`${where}: ${found.join(', ')}: ${text}`);
  }
});

const RANDOM = 'q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJq80=';
const bad: readonly (readonly [what: string, command: string])[] = [
  ['an assignment or a field', 'vault kv put -mount=secret keytender/default/token token=hunter2'],
  ['an assignment or a field', "vault write auth/approle/login role_id=a secret_id='b'"],
  ['a variable', 'export VAULT_TOKEN=root'],
  ['a variable', 'KEYTENDER_TOKEN_INITIAL="abc" keytender agent'],
  ['a field of JSON', `curl -d '{"data": {"token": "hunter2"}}' x`],
  ['a field of JSON', String.raw`curl -d "{\"new_token\":\"hunter2\"}" x`],
  ['a header', 'curl -H "X-Vault-Token: root" x'],
  ['a header', 'curl -H "Authorization: Bearer abc" x'],
  ['a setting', 'keytender agent --set vault.auth.token=abc'],
  ['an option', 'keytender dev --root-token abc'],
  ['a login', 'vault login abc'],
  ['a user with a password', 'curl -u me:you x'],
  ["one of Vault's own", 'vault token lookup hvs.CAESIJabcdef'],
  ['text that is piped in', 'printf %s hunter2 | vault kv put secret/x token=-'],
  ['text for a file of a secret', 'echo hunter2 > /run/secrets/vault-token'],
  ['random text', `keytender-sign ${RANDOM}`],
];
for (const [what, command] of bad) {
  t.test(`it would be seen: ${what}: ${command}`, async (t) => {
    t.ok(secretsIn(command).includes(what), secretsIn(command).join(', '));
  });
}

const good = [
  'vault kv put -mount=secret keytender/default/token token="$(openssl rand -base64 32)"',
  'vault kv put -mount=secret keytender/default/token token=@new-token',
  'openssl rand -base64 32 | tr -d "\\n" | vault kv put -mount=secret x token=-',
  'VAULT_TOKEN_FILE=/run/secrets/vault-token keytender agent',
  'export VAULT_TOKEN="$(cat ~/.vault-token)"',
  'vault write auth/approle/role/keytender token_policies=keytender token_ttl=1h',
  String.raw`curl -d "{\"data\": {\"token\": \"$(openssl rand -base64 32)\"}}" x`,
  'umask 077; cat > /run/secrets/vault-token',
  'vault login -method=oidc',
];
t.test('what is as it should be is left alone', async (t) => {
  for (const command of good) t.strictSame(secretsIn(command), [], command);
});
