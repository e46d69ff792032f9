// Which settings are secrets, how long each may be, and how what was written becomes a `SecretSetting`.
import type { FileReader } from '../platform/files.js';
import type { SecretSetting } from './config.js';
import type { Findings } from './findings.js';
import type { Written } from './layer.js';
import { secretFromFile, secretFromValue, secretMistake } from './secret.js';
import type { SecretLimits } from './secret.js';
import { settings } from './settings.js';
import type { SecretKey } from './settings.js';

export const secretKeys = (Object.keys(settings) as (keyof typeof settings)[]).filter(
  (key): key is SecretKey => settings[key].kind === 'secret',
);

const usual: SecretLimits = { bytesMin: 1, bytesMax: 65_536 };
/** What an agent token may be, wherever it comes from. */
const agentToken: SecretLimits = { bytesMin: 16, bytesMax: 8_192 };

export function limitsOf(key: SecretKey): SecretLimits {
  return key === 'token.initial' ? agentToken : usual;
}

/** A secret given as a value is checked here; one in a file is, when the files are. Null: not set, or refused. */
export function secretReader(
  written: Written,
  files: FileReader,
  findings: Findings,
): (key: SecretKey) => SecretSetting | null {
  const policy = { files, strict: written.get('files.strict') };
  const secrets = new Map(
    secretKeys.map((key) => [key, secretOf(written, key, policy, findings)] as const),
  );
  return (key) => secrets.get(key) ?? null;
}

function secretOf(
  written: Written,
  key: SecretKey,
  policy: { readonly files: FileReader; readonly strict: boolean },
  findings: Findings,
): SecretSetting | null {
  const chosen = written.chosen(key);
  if (chosen === undefined || typeof chosen.value !== 'string') return null;
  const { name, form, value } = chosen;
  if (form === 'file') return secretFromFile(name, value, limitsOf(key), policy);
  const mistake = secretMistake(value, limitsOf(key));
  if (mistake === null) return secretFromValue(value);
  findings.problem(name, mistake.message, mistake.fix);
  return null;
}
