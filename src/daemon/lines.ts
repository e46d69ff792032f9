// Where lines go: the log to standard output, the audit trail there too or to a file of its own. What had to be
// dropped is counted, and told once when it begins, never waited for.
import type { Config } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import { isAuditLine } from '../telemetry/audit.js';
import { buildLineWriter } from '../telemetry/line-writer.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';

/** The part of `process.stdout` that is used: lines are written to its descriptor without blocking. */
export interface Stdout {
  readonly fd: number;
  readonly isTTY?: boolean;
  /** Ends a write to it that would never come back. */
  readonly cutOff?: () => Promise<void>;
}

/** Who is told of dropped lines. */
export interface DropListeners {
  readonly metrics: Pick<Metrics, 'auditSuppressed' | 'logLinesDropped'>;
  readonly logger: Pick<Logger, 'error'>;
}

export interface Lines {
  readonly writeLog: (line: string) => void;
  readonly writeAudit: (line: string) => void;
  /** From now on they are told. */
  readonly tell: (listeners: DropListeners) => void;
  readonly reopen: () => void;
  /** The last thing that is done: what could not be written within its time is given up. */
  readonly flush: (withinMs: number) => Promise<void>;
}

export interface LinesOptions {
  readonly config: Pick<Config, 'audit'>;
  readonly stdout: Stdout;
  readonly clock: Clock;
}

/** A fault that lasts is told this often. */
const TELL_EVERY_MS = 300_000;

export function buildLines({ config, stdout, clock }: LinesOptions): Lines {
  const { file } = config.audit;
  let listeners: DropListeners | null = null;
  let toldMs = -Infinity;
  const onDropped = (lines: readonly string[], reason: string): void => {
    const audits = lines.filter(isAuditLine).length;
    listeners?.metrics.auditSuppressed(audits);
    listeners?.metrics.logLinesDropped(lines.length - audits);
    if (audits === 0 || file === null || clock.monotonicMs() - toldMs < TELL_EVERY_MS) return;
    toldMs = clock.monotonicMs();
    listeners?.logger.error({ reason, file }, 'audit lines are lost: the file cannot be written');
  };
  const log = buildLineWriter({ target: { fd: stdout.fd }, clock, onDropped });
  const audit = file === null ? log : buildLineWriter({ target: { file }, clock, onDropped });
  return {
    writeLog: (line) => {
      log.write(line);
    },
    writeAudit: (line) => {
      audit.write(line);
    },
    tell: (given) => {
      listeners = given;
    },
    reopen: () => {
      if (audit !== log) audit.reopen();
    },
    flush: async (withinMs) => {
      await Promise.all([log.flush(withinMs), audit === log ? null : audit.flush(withinMs)]);
      if (log.isStuck) await stdout.cutOff?.();
    },
  };
}
