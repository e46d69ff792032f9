// Whether the poll loop is alive. It is dead when it is *late*: nothing in flight and the next attempt long past, or
// an attempt in flight well beyond its own deadline. Waiting, however long it was told to wait, is not lateness.

const LATE_MIN_MS = 60_000;
const OVERDUE_MS = 30_000;

/** All times monotonic, milliseconds. */
export interface LoopBeat {
  /** By when the attempt in flight must have moved on; null: nothing in flight. */
  readonly deadlineMs: number | null;
  /** When the next attempt is due; null: not scheduled yet, or it ended on purpose. */
  readonly nextAttemptMs: number | null;
}

/** Why the loop counts as dead, or null. */
export function lateness(beat: LoopBeat, nowMs: number, timeoutMs: number): string | null {
  if (beat.deadlineMs !== null) {
    const overMs = nowMs - beat.deadlineMs;
    if (overMs <= OVERDUE_MS) return null;
    return `a refresh is ${seconds(overMs)} s beyond its deadline`;
  }
  if (beat.nextAttemptMs === null) return null;
  const lateMs = nowMs - beat.nextAttemptMs;
  if (lateMs <= Math.max(LATE_MIN_MS, 3 * timeoutMs)) return null;
  return `the next refresh is ${seconds(lateMs)} s late`;
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
