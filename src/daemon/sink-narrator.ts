// What is told of a sink: an audit line for each delivery that worked, and for the first that did not; a log line when
// its state changes, never one per try.
import type { SinkReport } from '../sink/runner.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { SinkMetrics } from '../telemetry/sink-metrics.js';

export interface SinkNarratorOptions {
  readonly sink: string;
  readonly token: string;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly metrics: SinkMetrics;
}

/** Told of each delivery, as it ended. */
export function buildSinkNarrator(options: SinkNarratorOptions): (report: SinkReport) => void {
  const { sink, token, logger, audit, metrics } = options;
  let toldReason: string | null = null;
  return ({ outcome, action, version, reason }) => {
    metrics.sinkWritten(sink, outcome);
    const facts = { sink, token, version };
    if (reason === null) {
      audit('token_delivered', { ...facts, outcome: action === 'deliver' ? 'ok' : 'withdrawn' });
      logger.info(facts, action === 'deliver' ? 'token delivered' : 'token taken back');
    } else if (reason !== toldReason) {
      audit('token_delivered', { ...facts, outcome, reason });
      logger.warn({ ...facts, reason }, 'the sink failed: what it held before stays');
    }
    toldReason = reason;
  };
}
