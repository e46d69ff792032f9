// An agent's state as a person reads it: who, each token on a line, then what is wrong and what to do. Pure: the
// answer and the time in, text out.
import { adviceFor, adviceForSinks, unexplained, whyUnusableFor } from '../../health/advice.js';
import type { HealthAnswer, SinkAnswer, TokenAnswer } from './health-answer.js';
import { painter, type Colour, type Paint } from './paint.js';
import { ageOf, relative } from './relative-time.js';
import { tableOf, type Cell } from './table.js';

export interface Style {
  readonly colour: boolean;
}

/** Lines, each ended. `now`: milliseconds since the epoch. */
export function renderHealth(health: HealthAnswer, now: number, style: Style): string {
  const paint = painter(style.colour);
  const sections = [
    [headline(health, paint)],
    tokenTable(health.tokens, now, paint),
    sinkTable(health.sinks, now, paint),
    vaultLine(health, now, paint),
    problems(health, now, paint),
  ];
  const text = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return `${text.join('\n\n')}\n`;
}

const statusColour: Readonly<Record<string, Colour>> = {
  ok: 'green',
  degraded: 'yellow',
  starting: 'yellow',
  unavailable: 'red',
};

function headline(health: HealthAnswer, paint: Paint): string {
  const up = health.uptimeSeconds === null ? '' : `, up ${ageOf(health.uptimeSeconds)}`;
  const status = paint(statusColour[health.status] ?? 'red', health.status);
  return `${paint('bold', health.agentId)}: ${status} (keytender ${health.version}, ${health.mode} mode${up})`;
}

function tokenTable(
  tokens: ReadonlyMap<string, TokenAnswer>,
  now: number,
  paint: Paint,
): readonly string[] {
  const rows = [...tokens].map(([name, token]) => [
    name,
    stateCell(token),
    token.version === null ? null : String(token.version),
    token.ageSeconds === null ? null : ageOf(token.ageSeconds),
    lastRefresh(token, now),
    token.nextAttemptAt === null ? null : relative(token.nextAttemptAt, now),
  ]);
  return tableOf(['TOKEN', 'STATE', 'VERSION', 'AGE', 'LAST REFRESH', 'NEXT'], rows, paint);
}

function stateCell({ state, usable, error }: TokenAnswer): Cell {
  if (!usable) return { text: state, colour: 'red' };
  return { text: state, colour: error === null ? 'green' : 'yellow' };
}

function lastRefresh(token: TokenAnswer, now: number): string | null {
  if (token.lastRefreshOk === null) return null;
  const outcome = token.lastRefreshOk ? 'ok' : 'failed';
  return token.lastAttemptAt === null
    ? outcome
    : `${outcome}, ${relative(token.lastAttemptAt, now)}`;
}

function vaultLine(health: HealthAnswer, now: number, paint: Paint): readonly string[] {
  const vault = health.vault;
  if (vault === null) return [];
  const facts = [
    ...(vault.address === null ? [] : [vault.address]),
    vault.authenticated ? 'logged in' : paint('red', 'not logged in'),
    ...(vault.loginExpiresAt === null ? [] : [`login ends ${relative(vault.loginExpiresAt, now)}`]),
    ...(vault.clockOffsetSeconds === 0
      ? []
      : [paint('yellow', `its clock differs by ${vault.clockOffsetSeconds} s`)]),
  ];
  return [`vault: ${facts.join(', ')}`];
}

function sinkTable(
  sinks: ReadonlyMap<string, SinkAnswer>,
  now: number,
  paint: Paint,
): readonly string[] {
  if (sinks.size === 0) return [];
  const rows = [...sinks].map(([name, sink]) => [
    name,
    sink.ok
      ? { text: 'ok', colour: 'green' as const }
      : { text: 'failing', colour: 'red' as const },
    sink.version === null ? null : String(sink.version),
    sink.lastSuccessAt === null ? null : relative(sink.lastSuccessAt, now),
  ]);
  return tableOf(['SINK', 'STATE', 'VERSION', 'DELIVERED'], rows, paint);
}

function problems(health: HealthAnswer, now: number, paint: Paint): readonly string[] {
  const ofTokens = [...health.tokens].flatMap(([name, token]) =>
    told(name, [...failureOf(token, now, paint), ...unusable(token), ...rotation(token, now)]),
  );
  const ofSinks = [...health.sinks].flatMap(([name, sink]) =>
    told(`sink ${name}`, sinkFailure(sink, paint)),
  );
  return [...ofTokens, ...ofSinks, ...otherwise(health, paint)];
}

/** Whose it is stands before the first line. */
function told(whose: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => (index === 0 ? `${whose}: ${line}` : `  ${line}`));
}

function fix(advice: string, paint: Paint): string {
  return `${paint('bold', 'fix:')} ${advice}`;
}

function sinkFailure({ ok, error }: SinkAnswer, paint: Paint): readonly string[] {
  if (ok) return [];
  return [paint('red', error ?? 'failing'), fix(adviceForSinks, paint)];
}

/** Not all is well, and no token says why. */
function otherwise({ status, tokens }: HealthAnswer, paint: Paint): readonly string[] {
  const isTold = [...tokens.values()].some(({ error, usable }) => error !== null || !usable);
  if (status !== 'degraded' || isTold) return [];
  return told(paint('yellow', status), [unexplained]);
}

function failureOf(token: TokenAnswer, now: number, paint: Paint): readonly string[] {
  const { error } = token;
  if (error === null) return [];
  const since = error.since === null ? '' : ` since ${relative(error.since, now)}`;
  const count = token.consecutiveFailures > 1 ? `, ${token.consecutiveFailures} attempts` : '';
  const until =
    token.usable && token.staleAt !== null
      ? [`the token held stays in use until ${token.staleAt} (${relative(token.staleAt, now)})`]
      : [];
  const advice = adviceFor(error.class);
  return [
    `${paint('red', error.class)}${since}${count}: ${error.message}`,
    ...(advice === '' ? [] : [fix(advice, paint)]),
    ...until,
  ];
}

function unusable(token: TokenAnswer): readonly string[] {
  if (token.usable) return [];
  return [whyUnusableFor(token.state)];
}

function rotation(token: TokenAnswer, now: number): readonly string[] {
  const superseded = token.superseded.map(({ version, usableUntil }) => {
    const left = usableUntil === null ? NaN : (Date.parse(usableUntil) - now) / 1000;
    const end = Number.isNaN(left) ? '' : ` for ${ageOf(left)}`;
    return `version ${version ?? 'unknown'} still verifies${end}`;
  });
  const { pending } = token;
  if (pending === null) return superseded;
  const start = pending.notBefore === null ? '' : ` ${relative(pending.notBefore, now)}`;
  return [...superseded, `version ${pending.version ?? 'unknown'} takes over${start}`];
}
