// `keytender healthcheck`: the exit code is the answer. Nothing on standard output; why it is no goes to standard
// error, where `docker inspect` and a pod's events show it. A file of its own in the package; the main bundle runs
// the same code. Loads `node:net` and nothing else.
import type { Clock } from '../../platform/clock.js';
import { exitCode, type ExitCode } from '../exit-code.js';
import { UsageError } from '../usage-error.js';
import { ask, type ProbeAnswer } from './ask.js';
import { healthcheckHelp, parseHealthcheck, type Probe } from './options.js';
import { probeTarget, type ProbeTarget } from './target.js';

export interface HealthcheckIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly clock: Clock;
}

const attemptMsMax = 2000;
const pauseMs = 200;

const pathOf: Readonly<Record<Probe, string>> = {
  ready: '/readyz',
  live: '/livez',
  startup: '/startupz',
};

/** 0 yes, 1 no, 2 usage. `argv` without the command's own name. */
export async function healthcheck(argv: readonly string[], io: HealthcheckIo): Promise<ExitCode> {
  try {
    const options = parseHealthcheck(argv);
    if (options === 'help') {
      io.stdout.write(healthcheckHelp);
      return exitCode.done;
    }
    const target = plain(probeTarget(options.url, io.env));
    const path = target.path ?? pathOf[options.probe];
    const answer = await askUntilYes(target, path, options.waitMs, io.clock);
    if (isYes(answer)) return exitCode.done;
    io.stderr.write(`keytender: ${refusal(answer, target, path)}\n`);
    return exitCode.failed;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.stderr.write(`keytender: ${error.message}\n`);
    return exitCode.usage;
  }
}

function plain(target: ProbeTarget): ProbeTarget {
  if (!target.tls) return target;
  throw new UsageError(
    'healthcheck speaks plain HTTP only: set listen.probe_address and give its http:// address',
  );
}

async function askUntilYes(
  target: ProbeTarget,
  path: string,
  waitMs: number,
  clock: Clock,
): Promise<ProbeAnswer> {
  const endsAtMs = clock.monotonicMs() + waitMs;
  for (;;) {
    const answer = await ask(target, path, attemptMsMax, clock);
    const leftMs = endsAtMs - clock.monotonicMs();
    if (isYes(answer) || leftMs <= 0) return answer;
    await clock.sleep(Math.min(pauseMs, leftMs));
  }
}

function isYes(answer: ProbeAnswer): boolean {
  return 'status' in answer && answer.status === 200;
}

function refusal(answer: ProbeAnswer, target: ProbeTarget, path: string): string {
  const where = `${target.authority}${path}`;
  if ('error' in answer) return `no agent answers at ${where} (${answer.error})`;
  if (answer.status === 421) {
    return `${where} answers 421: not one of its names; set KEYTENDER_LISTEN_PROBE_ADDRESS as the agent has it`;
  }
  return `${where} answers ${answer.status}`;
}
