// An agent's state as a person reads it: who, each token on a line, then what is wrong and what to do. Pure: the
// answer and the time in, text out.
import { adviceFor, whyUnusableFor } from '../../health/advice.js';
import type { HealthAnswer, TokenAnswer } from './health-answer.js';
import { ageOf, relative } from './relative-time.js';

export interface Style {
  readonly colour: boolean;
}

const colours = { green: 32, yellow: 33, red: 31, bold: 1, dim: 2 } as const;
type Colour = keyof typeof colours;

/** Lines, each ended. `now`: milliseconds since the epoch. */
export function renderHealth(health: HealthAnswer, now: number, style: Style): string {
  const paint = painter(style);
  const sections = [
    [headline(health, paint)],
    tokenTable(health.tokens, now, paint),
    [...vaultLine(health, now, paint), ...sinkLines(health, paint)],
    problems(health, now, paint),
  ];
  const text = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return `${text.join('\n\n')}\n`;
}

type Paint = (colour: Colour, text: string) => string;

function painter({ colour: isColoured }: Style): Paint {
  return (colour, text) => (isColoured ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text);
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

const header = ['TOKEN', 'STATE', 'VERSION', 'AGE', 'LAST REFRESH', 'NEXT'];

function tokenTable(
  tokens: ReadonlyMap<string, TokenAnswer>,
  now: number,
  paint: Paint,
): readonly string[] {
  const rows = [...tokens].map(([name, token]) => [
    name,
    token.state,
    token.version === null ? '-' : String(token.version),
    token.ageSeconds === null ? '-' : ageOf(token.ageSeconds),
    lastRefresh(token, now),
    token.nextAttemptAt === null ? '-' : relative(token.nextAttemptAt, now),
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const states = [...tokens.values()];
  return [
    paint('dim', line(header)),
    ...rows.map((row, index) => paintState(line(row), row[1] ?? '', states[index], paint)),
  ];
}

/** Colours the state alone: the padding was counted before. */
function paintState(
  line: string,
  state: string,
  token: TokenAnswer | undefined,
  paint: Paint,
): string {
  const colour = token?.usable !== true ? 'red' : token.error === null ? 'green' : 'yellow';
  return line.replace(`  ${state}`, () => `  ${paint(colour, state)}`);
}

function lastRefresh(token: TokenAnswer, now: number): string {
  if (token.lastRefreshOk === null) return '-';
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

function sinkLines(health: HealthAnswer, paint: Paint): readonly string[] {
  return [...health.sinks].map(([name, sink]) => {
    const version = sink.version === null ? 'nothing yet' : `version ${sink.version}`;
    const state = sink.ok ? paint('green', 'ok') : paint('red', 'failing');
    return `sink ${name}: ${state}, ${version}${sink.error === null ? '' : `: ${sink.error}`}`;
  });
}

function problems(health: HealthAnswer, now: number, paint: Paint): readonly string[] {
  return [...health.tokens].flatMap(([name, token]) => {
    const told = [...failureOf(token, now, paint), ...unusable(token), ...rotation(token, now)];
    return told.map((line, index) => (index === 0 ? `${name}: ${line}` : `  ${line}`));
  });
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
    ...(advice === '' ? [] : [`${paint('bold', 'fix:')} ${advice}`]),
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
