// What `check` found: one line each, with what to do about it. The verdicts decide the exit code.

export type Verdict = 'ok' | 'warning' | 'failed' | 'skipped';

export interface Finding {
  /** What was looked at; a closed list, docs/cli.md. */
  readonly check: CheckName;
  /** Which of several: an address of Vault, the name of a token. */
  readonly subject: string | null;
  readonly verdict: Verdict;
  readonly found: string;
  /** null when there is nothing to do. */
  readonly fix: string | null;
}

export const checkNames = [
  'settings',
  'credentials',
  'dns',
  'tcp',
  'tls',
  'reachability',
  'seal',
  'login',
  'capabilities',
  'read',
  'document',
  'clock',
  'history',
] as const;
export type CheckName = (typeof checkNames)[number];

type Rest = readonly [check: CheckName, subject: string | null, found: string];

export const ok = (...[check, subject, found]: Rest): Finding => ({
  check,
  subject,
  verdict: 'ok',
  found,
  fix: null,
});

export const skipped = (...[check, subject, found]: Rest): Finding => ({
  check,
  subject,
  verdict: 'skipped',
  found,
  fix: null,
});

export const warning = (...[check, subject, found, fix]: [...Rest, fix: string]): Finding => ({
  check,
  subject,
  verdict: 'warning',
  found,
  fix,
});

export const failed = (
  ...[check, subject, found, fix]: [...Rest, fix: string | null]
): Finding => ({ check, subject, verdict: 'failed', found, fix });

const colours: Readonly<Record<Verdict, number>> = { ok: 32, warning: 33, failed: 31, skipped: 2 };

/** One line, not ended: `ok       read           default: version 7`. */
export function renderFinding(finding: Finding, colour: boolean): string {
  const { check, subject, verdict, found, fix } = finding;
  const padded = verdict.padEnd(7);
  const painted = colour ? `\u001b[${colours[verdict]}m${padded}\u001b[0m` : padded;
  const what = subject === null ? found : `${subject}: ${found}`;
  return `${painted}  ${check.padEnd(12)}  ${what}${fix === null ? '' : `; fix: ${fix}`}`;
}
