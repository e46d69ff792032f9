// One attempt: read the newest version, then by number whatever the store still needs to know. Each answer is given to
// the store at once, so a value swaps as soon as it was read, whatever the later reads come to.
import type { Failure } from '../health/failure.js';
import type { Clock } from '../platform/clock.js';
import type { Observation } from '../token/history.js';
import type { PolledStore } from './polled-store.js';
import type { ReadOptions, ReadResult, SecretReader } from './reader.js';
import type { AttemptOutcome } from './record.js';

export interface AttemptParts {
  readonly store: PolledStore;
  readonly reader: SecretReader;
  readonly clock: Clock;
}

/** Rejects only when aborted, or for a bug. */
export async function attemptRefresh(
  { store, reader, clock }: AttemptParts,
  options: Omit<ReadOptions, 'version'>,
): Promise<AttemptOutcome> {
  const vaultNow = (): number => clock.now() + reader.clockOffsetMs();
  const alive = new Set<number>();
  const newest = await reader.read(options);
  if (!newest.ok) return { failure: newest.failure, isConfirmed: false };
  const { observation } = store.observeNewest(newest.reading, vaultNow());
  noteAlive(alive, newest, observation);

  const done = new Set<number>();
  let failure = failureOf(observation);
  for (;;) {
    const version = isLookWanted(options.budget, observation)
      ? store.nextRead(vaultNow(), done)
      : null;
    if (version === null) break;
    done.add(version);
    const older = await reader.read({ ...options, version });
    if (!older.ok) {
      failure ??= older.failure;
      break;
    }
    noteAlive(alive, older, store.observeOlder(version, older.reading, vaultNow()).observation);
  }
  const { current, missing } = store.at(vaultNow());
  failure ??= missing === 'revoked' ? failureOf({ kind: 'destroyed' }) : null;
  return { failure, isConfirmed: alive.has(current?.version ?? 0) };
}

/** What callers can trigger reads older versions only after something new: the next poll looks at the rest. */
function isLookWanted(budget: ReadOptions['budget'], { kind }: Observation): boolean {
  return budget === 'poll' || kind === 'accepted' || kind === 'recreated';
}

function noteAlive(
  alive: Set<number>,
  result: Extract<ReadResult, { ok: true }>,
  { kind }: Observation,
): void {
  const isTaken = kind === 'accepted' || kind === 'recreated' || kind === 'unchanged';
  if (isTaken && result.reading.kind === 'live') alive.add(result.reading.version);
}

/** What an observation of the newest version says about the refresh. */
function failureOf(observation: Observation): Failure | null {
  switch (observation.kind) {
    case 'accepted':
    case 'recreated':
    case 'unchanged':
      return null;
    case 'malformed':
      return {
        class: 'secret_malformed',
        message: `${observation.problem}; write a good version (vault kv put), the last good one is kept`,
      };
    case 'deleted':
      return {
        class: 'secret_deleted',
        message:
          'the newest version is deleted; undelete it or write a new one (vault kv undelete, vault kv put)',
      };
    case 'destroyed':
      return {
        class: 'secret_destroyed',
        message: 'the version is destroyed and its token revoked; write a new one (vault kv put)',
      };
    case 'regressed':
      return {
        class: 'version_regressed',
        message:
          'Vault answered with an older version than before and was ignored; is a standby lagging, or was Vault restored?',
      };
    case 'unknown':
      return {
        class: 'secret_absent',
        message: 'there is no secret at the path; write one (vault kv put)',
      };
  }
}
