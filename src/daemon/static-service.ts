// Static mode: the token of the settings. Its file is looked at now and then; a new content is a rotation.
import type { Config, TokenConfig } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../telemetry/logger.js';
import { AgentToken } from '../token/agent-token.js';
import { StaticToken } from '../token/static.js';
import type { ChangeNarrator } from './change-narrator.js';
import { readTokenText, tokenLimits } from './token-limits.js';
import type { TokenService } from './token-service.js';

/** A file is looked at this often, or each interval where that is shorter. */
const LOOK_EVERY_MS = 10_000;

export interface StaticServiceOptions {
  readonly config: Config;
  readonly token: TokenConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly narrator: ChangeNarrator;
}

/** Throws `ConfigProblem` when the token cannot be read or is none. */
export async function buildStaticService(options: StaticServiceOptions): Promise<TokenService> {
  const { token, clock, logger, narrator } = options;
  let { config } = options;
  const stopping = new AbortController();
  let writtenAt = await modifiedAt(config);
  const source = new StaticToken({
    value: AgentToken.fromText(await readTokenText(config)),
    createdAt: writtenAt ?? clock.now(),
    limits: tokenLimits(config, token),
  });
  source.subscribe((decision) => {
    narrator.decided(decision);
  });
  narrator.begun(source.at(clock.now()));

  const look = async (): Promise<void> => {
    const seenAt = await modifiedAt(config);
    if (seenAt === null || seenAt === writtenAt) return;
    source.replace(AgentToken.fromText(await readTokenText(config)), seenAt, clock.now());
    writtenAt = seenAt;
  };
  let isBroken = false;
  const lookSafely = async (): Promise<void> => {
    try {
      await look();
      isBroken = false;
    } catch (error) {
      if (!isBroken)
        logger.warn(
          { reason: String(error) },
          'the token file cannot be used, the last good token is kept',
        );
      isBroken = true;
    }
  };

  return {
    config: token,
    source,
    loop: null,
    start: async () => {
      while (!stopping.signal.aborted) {
        const waitMs = Math.min(LOOK_EVERY_MS, config.refresh.intervalMs);
        await clock.sleep(waitMs, stopping.signal).catch(() => undefined);
        source.at(clock.now());
        await lookSafely();
      }
    },
    stop: () => {
      stopping.abort(new Error('the agent stops'));
      return Promise.resolve();
    },
    reconfigure: (next) => {
      config = next;
      source.reconfigure(tokenLimits(next, token));
    },
  };
}

async function modifiedAt({ token: { initial } }: Config): Promise<number | null> {
  return (await initial?.modifiedAt()) ?? null;
}
