// Where lines go: the log to standard output, the audit trail there too or to a file of its own. What had to be
// dropped is counted, never waited for.
import type { Config } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import { isAuditLine } from '../telemetry/audit.js';
import { buildLineWriter } from '../telemetry/line-writer.js';
import type { Metrics } from '../telemetry/metrics.js';

/** The part of `process.stdout` that is used: lines are written to its descriptor without blocking. */
export interface Stdout {
  readonly fd: number;
  readonly isTTY?: boolean;
}

export interface Lines {
  readonly writeLog: (line: string) => void;
  readonly writeAudit: (line: string) => void;
  /** From now on dropped lines are counted here. */
  onDropped(metrics: Pick<Metrics, 'auditSuppressed' | 'logLinesDropped'>): void;
  reopen(): void;
  flush(withinMs: number): Promise<void>;
}

export function buildLines({
  config,
  stdout,
  clock,
}: {
  readonly config: Config;
  readonly stdout: Stdout;
  readonly clock: Clock;
}): Lines {
  let counter: Pick<Metrics, 'auditSuppressed' | 'logLinesDropped'> | null = null;
  const onDropped = (lines: readonly string[]): void => {
    const audits = lines.filter(isAuditLine).length;
    counter?.auditSuppressed(audits);
    counter?.logLinesDropped(lines.length - audits);
  };
  const log = buildLineWriter({ target: { fd: stdout.fd }, clock, onDropped });
  const { file } = config.audit;
  const audit = file === null ? log : buildLineWriter({ target: { file }, clock, onDropped });
  return {
    writeLog: (line) => {
      log.write(line);
    },
    writeAudit: (line) => {
      audit.write(line);
    },
    onDropped: (metrics) => {
      counter = metrics;
    },
    reopen: () => {
      if (audit !== log) audit.reopen();
    },
    flush: async (withinMs) => {
      await Promise.all([log.flush(withinMs), audit === log ? null : audit.flush(withinMs)]);
    },
  };
}
