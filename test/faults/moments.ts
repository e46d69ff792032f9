// When a fault happens, what is looked at while it lasts, and after it: one row of docs/faults.md.
import type { HealthBody } from '../../src/health/body.js';
import type { FailureClass } from '../../src/health/failure.js';
import { pause } from '../fixtures/agent-process.js';
import { secondPasses } from '../fixtures/signed-request.js';
import { at, type End, type Fate, type Fault, type Moment } from './fault.js';
import { untilHeld } from './injections.js';
import { healsWithinMs, overBudget } from './limits.js';
import { buildScene, type Scene } from './scene.js';
import type { Sample } from './watch.js';

export interface Row {
  readonly fault: string;
  readonly moment: Moment;
  /** null: there was none yet. */
  readonly token: Fate | 'lost' | null;
  readonly status: string;
  readonly class: string | null;
  readonly requests: number;
  readonly lastedMs: number;
  readonly healedMs: number;
  /** Everything that is not as promised. */
  readonly broken: readonly string[];
}

const NAMED_WITHIN_MS = 15_000;
/** Not a promise: when to give up. */
const HEALED_AT_LAST_MS = 60_000;
/** How long a fault lasts at least. */
const LAST_MS = 1_500;

/** Runs one fault at one moment. */
export async function happens(fault: Fault, moment: Moment): Promise<Row> {
  await using scene = await buildScene(fault.scene ?? {});
  const before = await prepare(scene, moment);
  const startedMs = performance.now();
  const seenBefore = scene.watch.samples.length;
  scene.watch.isMute = fault.isMute === true;
  const end = await begin(fault, scene, moment);
  const called = await callAtOnce(fault, scene, moment);
  const named = await untilNamed(fault, scene, moment);
  await pause(Math.max(0, LAST_MS - (performance.now() - startedMs)));
  const during = scene.watch.samples.slice(seenBefore);
  const fate = at(fault.expect.token ?? 'kept', moment);
  const canCall = fault.isMute !== true && fault.callersHold !== 'none';
  if (canCall) called.push(...(await callAsHeld(fault, scene, before, fate, during)));
  const requests = scene.requestedAtMs().filter((atMs) => atMs >= startedMs).length;
  const lastedMs = performance.now() - startedMs;
  const healed = await heal(fault, scene, end);
  const token = before.current === null ? null : fateOf(during, before.current, fate, scene);
  return {
    fault: fault.name,
    moment,
    token,
    status: named.status,
    class: named.class,
    requests,
    lastedMs,
    healedMs: healed.afterMs,
    broken: [
      ...named.broken,
      ...called,
      ...healed.broken,
      ...(token === null || token === fate ? [] : [`the token is ${token}, not ${fate}`]),
      ...miscalled(fault, moment, during),
      ...untruths(scene.watch.samples),
      ...(fault.recreates === true ? [] : backwards(scene.watch.samples)),
      ...scene.watch.silences.map((why) => `no answer of /health: ${why}`),
      ...listed(overBudget(scene.requestedAtMs())),
    ],
  };
}

interface Before {
  /** Versions that the agent has. */
  readonly current: number | null;
  readonly superseded: number | null;
}

async function prepare(scene: Scene, moment: Moment): Promise<Before> {
  if (moment === 'first start') return { current: null, superseded: null };
  scene.start();
  await untilHeld(scene, 1);
  const { sample } = await scene.watch.until(isWell, NAMED_WITHIN_MS);
  await untilCallable(sample);
  if (moment !== 'inside the grace') return { current: 1, superseded: null };
  const current = await scene.put('rotated-before');
  await untilHeld(scene, current);
  return { current, superseded: 1 };
}

async function begin(fault: Fault, scene: Scene, moment: Moment): Promise<End> {
  const isStart = moment === 'first start';
  const isRotation = moment === 'during a rotation';
  const begins = fault.begins ?? 'before';
  if (isStart && begins === 'starting') {
    scene.proxy.hold();
    scene.start();
    await scene.agent.url();
    scene.watch.isMute = false;
    await scene.watch.until(() => true, NAMED_WITHIN_MS);
    scene.watch.isMute = fault.isMute === true;
    const end = await fault.inject(scene, moment);
    scene.proxy.release();
    return end;
  }
  if (isRotation && begins === 'unseen') {
    scene.proxy.hold();
    await scene.put('rotated');
    const end = await fault.inject(scene, moment);
    scene.proxy.release();
    return end;
  }
  const end = await fault.inject(scene, moment);
  if (isStart) scene.start();
  if (isRotation) await scene.put('rotated');
  return end;
}

/** Those who are on the newest token already are not refused. */
async function callAtOnce(fault: Fault, scene: Scene, moment: Moment): Promise<string[]> {
  if (fault.callersHold !== 'newest') return [];
  if (moment === 'first start') {
    const { sample } = await scene.watch.until(isUsable, NAMED_WITHIN_MS);
    await untilCallable(sample);
  }
  const version = await scene.newest();
  return called(version, 200, await scene.call(version));
}

/** Who holds what the agent held, or what that superseded, is accepted as long as it is usable. */
async function callAsHeld(
  fault: Fault,
  scene: Scene,
  before: Before,
  fate: Fate,
  during: readonly Sample[],
): Promise<string[]> {
  if (before.current === null) return [];
  const version = during.at(-1)?.body.tokens['default']?.version ?? before.current;
  const wanted = fate === 'revoked' ? 401 : 200;
  return [
    ...called(version, wanted, await scene.call(version)),
    ...(before.superseded === null || fault.endsGrace === true
      ? []
      : called(before.superseded, 200, await scene.call(before.superseded))),
  ];
}

function called(version: number, wanted: number, status: number): string[] {
  return status === wanted
    ? []
    : [`a call signed with version ${version} got ${status}, not ${wanted}`];
}

interface Named {
  readonly status: string;
  readonly class: string | null;
  readonly broken: readonly string[];
}

async function untilNamed(
  { expect, isMute }: Fault,
  { watch, agent }: Scene,
  moment: Moment,
): Promise<Named> {
  if (isMute === true) return { status: '–', class: null, broken: [] };
  const wanted = at(expect.class, moment);
  const isMended = at(expect.isMended ?? false, moment);
  const isNamed = (body: HealthBody): boolean =>
    wanted === null ||
    classOf(body) === wanted ||
    (isMended && loggedClasses(agent.lines).includes(wanted));
  const isThere = (body: HealthBody): boolean => isNamed(body) && (expect.isThere?.(body) ?? true);
  const found = await watch.until(isThere, NAMED_WITHIN_MS);
  const body = found.sample?.body;
  const seen = body === undefined ? null : classOf(body);
  return {
    status: body?.status ?? '–',
    class: isMended && found.isThere ? wanted : seen,
    broken: found.isThere ? [] : [`expected ${wanted ?? 'it'}, /health says ${seen ?? 'nothing'}`],
  };
}

/** A machine that is busy makes it of anything. */
const ANY_TIME: FailureClass = 'vault_timeout';

/** Nothing is called what it is not. */
function miscalled({ expect }: Fault, moment: Moment, during: readonly Sample[]): string[] {
  const right = [at(expect.class, moment), ANY_TIME, ...(expect.besides ?? [])];
  const named = new Set(during.map(({ body }) => classOf(body)));
  const wrong = [...named].filter((one) => one !== null && !right.some((any) => any === one));
  return wrong.map((one) => `/health named ${one} too`);
}

async function heal(
  { expect }: Fault,
  scene: Scene,
  end: End,
): Promise<{ readonly afterMs: number; readonly broken: readonly string[] }> {
  const endedMs = performance.now();
  await end();
  scene.watch.isMute = false;
  const newest = await scene.newest();
  const isHealed = (body: HealthBody): boolean =>
    isWell(body) && body.tokens['default']?.version === newest && (expect.isOver?.(body) ?? true);
  const { isThere, sample } = await scene.watch.until(isHealed, HEALED_AT_LAST_MS);
  const afterMs = (sample?.atMs ?? performance.now()) - endedMs;
  if (!isThere) return { afterMs, broken: [`never healed: ${JSON.stringify(sample?.body)}`] };
  const withinMs = expect.healsWithinMs ?? healsWithinMs();
  await untilCallable(sample);
  return {
    afterMs,
    broken: [
      ...(afterMs <= withinMs ? [] : [`healed after ${Math.round(afterMs)} ms, not ${withinMs}`]),
      ...called(newest, 200, await scene.call(newest)),
    ],
  };
}

/** What is signed in the second of its start is refused. */
async function untilCallable(sample: Sample | undefined): Promise<void> {
  if ((sample?.body.uptime_seconds ?? 0) < 2) await secondPasses();
}

const isUsable = ({ tokens }: HealthBody): boolean => tokens['default']?.usable === true;

const isWell = ({ status, last_refresh_ok: isOk }: HealthBody): boolean =>
  status === 'ok' && isOk === true;

const classOf = ({ tokens }: HealthBody): string | null => tokens['default']?.error?.class ?? null;

function loggedClasses(lines: readonly Record<string, unknown>[]): unknown[] {
  const failed = lines.filter(({ msg }) => /^refresh failed/.test(String(msg)));
  return failed.map((line) => line['class']);
}

function fateOf(
  during: readonly Sample[],
  version: number,
  fate: Fate,
  scene: Scene,
): Row['token'] {
  if (fate === 'restarted') {
    const [first, last] = [scene.watch.samples[0], scene.watch.samples.at(-1)].map(
      (sample) => sample?.body.tokens['default'],
    );
    return first?.version === last?.version && first?.created_at !== last?.created_at
      ? 'lost'
      : 'restarted';
  }
  const tokens = during.map(({ body }) => body.tokens['default']);
  if (fate === 'revoked') return tokens.at(-1)?.usable === false ? 'revoked' : 'kept';
  const isKept = tokens.every((token) => token?.usable === true && (token.version ?? 0) >= version);
  return isKept ? 'kept' : 'lost';
}

/** A version never goes down, and what was created once was not created at another time. */
function backwards(samples: readonly Sample[]): string[] {
  const seen = samples.flatMap(({ body }) => body.tokens['default'] ?? []);
  const versions = seen.flatMap(({ version }) => version ?? []);
  const falls = versions.some((version, index) => version < (versions[index - 1] ?? 0));
  const created = new Map<number, Set<string | null>>();
  for (const { version, created_at: createdAt } of seen) {
    if (version !== null) created.set(version, (created.get(version) ?? new Set()).add(createdAt));
  }
  const isBornTwice = [...created.values()].some((times) => times.size > 1);
  return [
    ...(falls ? [`it went backwards: ${versions.join(' ')}`] : []),
    ...(isBornTwice ? ['the age of a version changed'] : []),
  ];
}

/** 200 exactly when the token is usable. */
function untruths(samples: readonly Sample[]): string[] {
  const untrue = samples.filter(({ status, body }) => (status === 200) !== isUsable(body));
  return untrue.length === 0 ? [] : [`/health was ${untrue[0]?.status ?? 0}, which was not true`];
}

function listed(problem: string | null): string[] {
  return problem === null ? [] : [`over the budget: ${problem}`];
}
