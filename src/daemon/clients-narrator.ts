// What is told of the named clients: who came, went or changed in the audit trail, what is refused and why in the log,
// by id and never with anything that was written. Of failed reads one line when their class changes, not one per poll.
import type { AttemptOutcome } from '../refresh/record.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { ClientsDecision } from '../token/clients/store.js';

export interface ClientsNarratorOptions {
  readonly logger: Logger;
  readonly audit: Audit;
}

/** Ids in one line; `count` says how many there are. */
const NAMES_MAX = 100;

export class ClientsNarrator {
  readonly #options: ClientsNarratorOptions;
  #toldClass: string | null = null;

  constructor(options: ClientsNarratorOptions) {
    this.#options = options;
  }

  decided({ observation, clients, after }: ClientsDecision): void {
    const { logger } = this.#options;
    const version = after.current?.version ?? null;
    const { added, removed, changed, refused, misnamed } = clients;
    this.#changed('added', added, version);
    this.#changed('changed', changed, version);
    this.#changed('removed', removed, version);
    this.#changed('refused', [...refused.keys()], version);
    for (const [client, problem] of [...refused].slice(0, NAMES_MAX)) {
      const reason = `${problem}; correct it with vault kv patch`;
      logger.warn({ client, version, reason }, 'the entry of a named client is refused');
    }
    if (misnamed !== null && misnamed > 0) {
      const reason = 'a name is up to 63 of a-z, 0-9 and -';
      logger.warn({ count: misnamed, version, reason }, 'fields of the clients secret are ignored');
    }
    if (!('warnings' in observation)) return;
    for (const warning of observation.warnings.slice(0, NAMES_MAX))
      logger.warn({ version }, warning);
  }

  /** After each attempt. */
  attempted({ failure }: AttemptOutcome, hasClients: boolean): void {
    const { logger } = this.#options;
    const before = this.#toldClass;
    this.#toldClass = failure?.class ?? null;
    if (before === this.#toldClass) return;
    if (failure === null) {
      logger.info({ class: before }, 'the named clients can be read again');
      return;
    }
    const left = hasClients ? 'the last good ones are kept' : 'there are none';
    const facts = { class: failure.class, reason: failure.message };
    logger.warn(facts, `the named clients could not be read: ${left}`);
  }

  #changed(outcome: string, ids: readonly string[], version: number | null): void {
    if (ids.length === 0) return;
    const { audit, logger } = this.#options;
    const facts = { outcome, version, names: ids.slice(0, NAMES_MAX), count: ids.length };
    audit('clients_changed', facts);
    logger.info(facts, 'named clients changed');
  }
}
