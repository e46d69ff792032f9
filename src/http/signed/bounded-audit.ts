// Audit lines that strangers can cause, bounded: of each kind and origin the first ten a minute, then one line that
// says how many there were; and so many a minute in all. What was not written is counted.
import type { Clock } from '../../platform/clock.js';
import type { Audit, AuditEvent, AuditFields } from '../../telemetry/audit.js';

const MINUTE_MS = 60_000;
const LINES_MAX = 10;
const ALL_LINES_MAX = 600;
const ORIGINS_MAX = 10_000;

interface Minute {
  readonly startedMs: number;
  lines: number;
  suppressed: number;
}

export interface BoundedAudit {
  /** Writes the line, or counts it. `origin`: an address or a caller. */
  note(event: AuditEvent, origin: string, fields: AuditFields): void;
  /** Writes the first in a minute; the others count nowhere. */
  once(event: AuditEvent, origin: string, fields: AuditFields): void;
  /** Counts, and writes one line with the sum when the minute is over. */
  sum(event: AuditEvent, origin: string, fields: AuditFields): void;
  /** Writes what was only counted so far. */
  flush(): void;
}

export function buildBoundedAudit(options: {
  readonly audit: Audit;
  readonly clock: Clock;
  readonly onSuppressed: (lines: number) => void;
  /** Ends the waiting for a minute's end. */
  readonly stopped: AbortSignal;
}): BoundedAudit {
  const { audit, clock, onSuppressed, stopped } = options;
  const minutes = new Map<string, Minute & { readonly tell: (count: number) => void }>();
  let all: Minute = { startedMs: 0, lines: 0, suppressed: 0 };
  let isSweeping = false;

  const end = (key: string): void => {
    const minute = minutes.get(key);
    minutes.delete(key);
    if (minute !== undefined && minute.suppressed > 0) minute.tell(minute.suppressed);
  };
  const minuteOf = (event: AuditEvent, origin: string, fields: AuditFields) => {
    const key = `${event} ${origin}`;
    const found = minutes.get(key);
    if (found !== undefined && clock.monotonicMs() - found.startedMs < MINUTE_MS) return found;
    end(key);
    const [oldest] = minutes.keys();
    if (oldest !== undefined && minutes.size >= ORIGINS_MAX) end(oldest);
    const tell = (count: number): void => {
      audit(event, { ...fields, count });
    };
    const made = { startedMs: clock.monotonicMs(), lines: 0, suppressed: 0, tell };
    minutes.set(key, made);
    return made;
  };
  /** Ends minutes that are over, as long as there are any that have something to tell. */
  const sweep = async (): Promise<void> => {
    if (isSweeping) return;
    isSweeping = true;
    while ([...minutes.values()].some(({ suppressed }) => suppressed > 0)) {
      await clock.sleep(MINUTE_MS, stopped).catch(() => undefined);
      if (stopped.aborted) return;
      const nowMs = clock.monotonicMs();
      for (const [key, { startedMs }] of minutes) if (nowMs - startedMs >= MINUTE_MS) end(key);
    }
    isSweeping = false;
  };
  const isWithinAll = (): boolean => {
    const nowMs = clock.monotonicMs();
    if (nowMs - all.startedMs >= MINUTE_MS) all = { startedMs: nowMs, lines: 0, suppressed: 0 };
    all.lines += 1;
    return all.lines <= ALL_LINES_MAX;
  };

  return {
    note(event, origin, fields) {
      const minute = minuteOf(event, origin, fields);
      if (minute.lines < LINES_MAX && isWithinAll()) {
        minute.lines += 1;
        audit(event, fields);
        return;
      }
      minute.suppressed += 1;
      onSuppressed(1);
      void sweep();
    },
    once(event, origin, fields) {
      const minute = minuteOf(event, origin, fields);
      if (minute.lines === 0) audit(event, fields);
      minute.lines = 1;
    },
    sum(event, origin, fields) {
      minuteOf(event, origin, fields).suppressed += 1;
      void sweep();
    },
    flush() {
      for (const key of [...minutes.keys()]) end(key);
    },
  };
}
