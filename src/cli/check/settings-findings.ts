// What can be known without asking anyone: whether the settings hold together, whether the files they name can be
// read, whether a token given by hand is strong.
import type { Config, SecretSetting, VaultConfig } from '../../config/config.js';
import type { ConfigProblem } from '../../config/problem.js';
import { STRONG_TOKEN_BYTES, tokenTextProblem } from '../../token/document.js';
import type { TlsFiles } from '../../vault/tls-files.js';
import { word } from './commands.js';
import { failed, ok, warning, type Finding } from './finding.js';

export function problemFindings(problems: readonly ConfigProblem[]): readonly Finding[] {
  return problems.map(({ key, message, fix }) => failed('settings', key, message, fix));
}

export function settingsFindings(config: Config, warnings: readonly string[]): readonly Finding[] {
  const names = config.tokens.map(({ name }) => name).join(', ');
  const source =
    config.vault === null ? 'static mode' : `from ${config.vault.addresses.join(', ')}`;
  const whole = ok('settings', null, `${source}; tokens: ${names}`);
  const odd = warnings.map((text) => warning('settings', null, text, 'see docs/configuration.md'));
  return [whole, ...odd];
}

/** Reads every file that the settings name for talking to Vault, and the initial token. */
export async function credentialFindings(
  config: Config,
  tlsFiles: TlsFiles | null,
): Promise<readonly Finding[]> {
  const auth = config.vault?.auth;
  const secrets: readonly (readonly [string, SecretSetting | null])[] = [
    ['vault.auth.token', auth?.token ?? null],
    ['vault.auth.role_id', auth?.roleId ?? null],
    ['vault.auth.secret_id', auth?.secretId ?? null],
  ];
  const files = secrets.flatMap(([key, secret]) =>
    secret === null || secret.file === null ? [] : [secretFinding(key, secret)],
  );
  const { initial } = config.token;
  const tls = tlsFiles === null ? [] : [tlsFilesFinding(tlsFiles, config.vault)];
  const found = await Promise.all([
    ...files,
    ...tls,
    ...(initial === null ? [] : [initialFinding(initial)]),
  ]);
  return found.filter((finding) => finding !== null);
}

async function secretFinding(key: string, secret: SecretSetting): Promise<Finding> {
  try {
    await secret.read();
    return ok('credentials', key, 'its file can be read');
  } catch (error) {
    return failed('credentials', key, messageOf(error), fixOf(error));
  }
}

async function initialFinding(secret: SecretSetting): Promise<Finding> {
  const key = 'token.initial';
  try {
    const text = await secret.read();
    const problem = tokenTextProblem(text, key);
    const bytes = Buffer.byteLength(text, 'utf8');
    if (problem !== null) return failed('credentials', key, problem, strong);
    if (bytes >= STRONG_TOKEN_BYTES) return ok('credentials', key, `${bytes} bytes`);
    const found = `${bytes} bytes: fewer than the ${STRONG_TOKEN_BYTES} that HMAC-SHA256 needs to be strong`;
    return failed('credentials', key, found, strong);
  } catch (error) {
    return failed('credentials', key, messageOf(error), fixOf(error));
  }
}

const strong = 'make one with openssl rand -base64 32';

async function tlsFilesFinding(
  tlsFiles: TlsFiles,
  vault: VaultConfig | null,
): Promise<Finding | null> {
  try {
    const { ca, cert } = await tlsFiles.read();
    if (ca === null && cert === null) return null;
    return ok('credentials', 'vault TLS files', 'can be read and belong together');
  } catch {
    return failed('credentials', 'vault TLS files', 'cannot be used', certificatesFix(vault));
  }
}

/** Shows whether each can be read and is in date, and by their public keys which belong together. */
function certificatesFix(vault: VaultConfig | null): string {
  const { caCert = null, clientCert = null, clientKey = null } = vault ?? {};
  const certificates = [caCert, clientCert].flatMap((path) =>
    path === null ? [] : [`openssl x509 -in ${word(path)} -noout -subject -enddate -pubkey`],
  );
  const keys = clientKey === null ? [] : [`openssl pkey -in ${word(clientKey)} -pubout`];
  return [...certificates, ...keys].join('; ');
}

/** A settings problem speaks for itself; of anything else the text may hold what was read. */
function messageOf(error: unknown): string {
  return isProblem(error) ? error.message : 'cannot be read';
}

function fixOf(error: unknown): string | null {
  return isProblem(error) ? error.fix : null;
}

function isProblem(error: unknown): error is ConfigProblem {
  return error instanceof Error && error.name === 'ConfigProblem';
}
