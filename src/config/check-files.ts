// Reads every file the settings name once, so that a wrong path or mode is told at start and at reload, not at 3 a.m.
import { FileRefusal } from '../platform/files.js';
import type { FileReader } from '../platform/files.js';
import type { Config } from './config.js';
import type { Findings } from './findings.js';
import type { Written } from './layer.js';
import { ConfigProblem, printable } from './problem.js';
import { openSecretFile, readSecretFile } from './secret.js';
import { limitsOf, secretKeys } from './secret-settings.js';

const PEM_BYTES_MAX = 1_048_576;
const STRONG_BYTES = 32;

const publicFiles = [
  'vault.ca_cert',
  'vault.client_cert',
  'listen.tls_cert',
  'listen.tls_client_ca',
] as const;
const privateFiles = ['vault.client_key', 'listen.tls_key', 'vault.auth.jwt_file'] as const;
export async function checkFiles(
  written: Written,
  config: Config,
  files: FileReader,
  findings: Findings,
): Promise<void> {
  const policy = { files, strict: config.files.strict };
  for (const key of publicFiles) {
    const path = written.value(key);
    if (path !== undefined) await checkPublic(written.name(key), path, files, findings);
  }
  for (const key of privateFiles) {
    const path = written.value(key);
    if (path === undefined) continue;
    await told(findings, async () => {
      const opened = await openSecretFile(written.name(key), path, policy);
      if (opened.isOpenToOthers) warnOfMode(written.name(key), path, findings);
    });
  }
  for (const key of secretKeys) {
    const chosen = written.chosen(key);
    if (chosen?.form !== 'file' || typeof chosen.value !== 'string') continue;
    const { name, value } = chosen;
    await told(findings, async () => {
      const content = await readSecretFile(name, value, limitsOf(key), policy);
      if (content.isOpenToOthers) warnOfMode(name, value, findings);
    });
  }
  await warnOfWeakness(written, config, findings);
}

async function checkPublic(
  name: string,
  path: string,
  files: FileReader,
  findings: Findings,
): Promise<void> {
  try {
    await files.read(path, PEM_BYTES_MAX);
  } catch (error) {
    const reason = error instanceof FileRefusal ? error.message : 'cannot be read';
    // the path is not shown: it may be a secret that was put into the wrong place
    findings.problem(
      name,
      `the file it names ${reason}`,
      'correct the path, or let the user that runs the agent read it',
    );
  }
}

function warnOfMode(name: string, path: string, findings: Findings): void {
  findings.warn(
    `${name}: everybody may read ${printable(path)}; accepted because its mount is read-only or tmpfs (files.strict refuses it)`,
  );
}

async function warnOfWeakness(written: Written, config: Config, findings: Findings): Promise<void> {
  const { initial } = config.token;
  if (initial === null) return;
  try {
    if (Buffer.byteLength(await initial.read(), 'utf8') >= STRONG_BYTES) return;
  } catch {
    return; // told already
  }
  findings.warn(
    `${written.name('token.initial')} is shorter than ${STRONG_BYTES} bytes: make one by openssl rand -base64 32`,
  );
}

/** Runs a check that throws what it finds. */
async function told(findings: Findings, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (!(error instanceof ConfigProblem)) throw error;
    findings.problems.push(error);
  }
}
