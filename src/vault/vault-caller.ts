// One call to Vault, from the budget to the meaning of the answer: waits for a permit, asks the address in use once,
// within one deadline, and never throws but for an abort or a bug. No retry: that is decided by whoever schedules.
import type { Failure, FailureClass } from '../health/failure.js';
import type { Clock } from '../platform/clock.js';
import type { VaultOperation } from '../telemetry/labels.js';
import { isOfNode, type Addresses } from './addresses.js';
import { withDeadline } from './deadline.js';
import { failureOfError } from './failure-of-error.js';
import { NodeSurvey } from './node-survey.js';
import type { VaultRequest } from './node-vault-requests.js';
import type { BudgetKind, RequestBudget } from './request-budget.js';
import type { VaultAnswer } from './vault-answer.js';
import type { VaultNode } from './vault-node.js';
import type { VaultRoute } from './vault-route.js';

/** Who pays, who may end it, and who is told how long it may take. */
export interface CallOptions {
  readonly budget: BudgetKind;
  readonly signal: AbortSignal;
  /** Of a call on demand: when it aborts, a poll waits for the same answer, and the share of polling pays. */
  readonly pollJoined?: AbortSignal | undefined;
  /** Told before each wait or request how long that may at most take. Milliseconds. */
  readonly onDeadline?: ((withinMs: number) => void) | undefined;
}

type CallOutcome = 'ok' | FailureClass;

export type Interpreted<T> =
  | { readonly ok: true; readonly value: T; readonly outcome?: FailureClass }
  | { readonly ok: false; readonly failure: Failure };

/** For the metrics: one event a request that was made. Seconds from connect to last byte. */
export interface RequestEvent {
  readonly operation: VaultOperation;
  readonly outcome: CallOutcome;
  /** Which of the configured addresses was asked: for the log, not a label. */
  readonly address: string;
  readonly seconds: number;
}

export interface VaultCaller {
  call<T>(
    operation: VaultOperation,
    request: VaultRequest,
    options: CallOptions,
    interpret: (answer: VaultAnswer) => Interpreted<T>,
  ): Promise<Interpreted<T>>;
  /** The clock of the node that answered last minus ours; 0 before the first answer or below 2 s. Milliseconds. */
  clockOffsetMs(): number;
}

/** One whose way to Vault can be put in place of another. */
export interface RoutedCaller extends VaultCaller {
  /** Calls from now on go by `route`; those under way end on the one before. */
  follow(route: VaultRoute): void;
}

export interface VaultCallerOptions {
  readonly clock: Clock;
  readonly budget: RequestBudget;
  readonly route: VaultRoute;
  /** Ends what goes on behind the back of callers. */
  readonly closed: AbortSignal;
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
}

export function buildVaultCaller(options: VaultCallerOptions): RoutedCaller {
  const { clock, budget, onRequest } = options;
  let answeredBy: VaultNode | undefined;
  const surveyed = (followed: VaultRoute): Surveyed => ({
    route: followed,
    survey: new NodeSurvey({
      clock,
      addresses: followed.addresses,
      list: [...followed.nodes.keys()],
      askHealth: (address) => askHealth(options, followed, address),
    }),
  });
  let current = surveyed(options.route);
  return {
    clockOffsetMs: () => answeredBy?.clockOffsetMs() ?? 0,
    follow(next) {
      current = surveyed(next);
    },
    async call(operation, request, callOptions, interpret) {
      await takePermit(budget, callOptions);
      const { route, survey } = current;
      const { addresses } = route;
      callOptions.onDeadline?.(route.timeoutMs);
      if (operation === 'read') survey.beforeRead();
      const address = addressFor(operation, callOptions.budget, addresses, survey);
      const startedMs = clock.monotonicMs();
      const asked = await ask(options, route, address, request, callOptions.signal);
      if ('answer' in asked) answeredBy = route.nodes.get(address);
      const interpreted = 'answer' in asked ? interpret(asked.answer) : asked;
      const isOld = interpreted.ok && operation === 'read' && survey.isCutOff(address);
      const result: typeof interpreted = isOld ? { ok: false, failure: cutOff } : interpreted;
      const outcome = result.ok ? (result.outcome ?? 'ok') : result.failure.class;
      const seconds = (clock.monotonicMs() - startedMs) / 1_000;
      onRequest?.({ operation, outcome, address, seconds });
      if (result.ok) {
        if (operation === 'read') survey.answered(address);
        return result;
      }
      if (isOfNode(result.failure.class)) survey.failed(address);
      const answer = 'answer' in asked ? asked.answer : null;
      return { ok: false, failure: moveOn(addresses, address, answer, result.failure) };
    },
  };
}

/** Who waits for a permit on demand gives up its place when a poll joins: that has one of its own. */
async function takePermit(
  budget: RequestBudget,
  { budget: kind, signal, pollJoined, onDeadline }: CallOptions,
): Promise<void> {
  if (kind !== 'on_demand' || pollJoined === undefined) {
    await budget.take(kind, signal, onDeadline);
    return;
  }
  const place = new AbortController();
  const leave = (): void => {
    place.abort(new Error('the place is given up'));
  };
  const enders = [signal, pollJoined];
  if (enders.some(({ aborted }) => aborted)) leave();
  for (const ender of enders) ender.addEventListener('abort', leave, { once: true });
  try {
    await budget.take(kind, place.signal, onDeadline);
  } catch {
    signal.throwIfAborted();
    await budget.take('poll', signal, onDeadline);
  } finally {
    for (const ender of enders) ender.removeEventListener('abort', leave);
  }
}

const cutOff: Failure = {
  class: 'vault_standby',
  message:
    'a standby answered that does not reach its active node (474 of sys/health), so with old data perhaps: repair the cluster, or add its other addresses to vault.address',
};

interface Surveyed {
  readonly route: VaultRoute;
  readonly survey: NodeSurvey;
}

/** Who asks for a version that a caller has already is answered best by the node that made it. */
function addressFor(
  operation: VaultOperation,
  budget: BudgetKind,
  addresses: Addresses,
  survey: NodeSurvey,
): string {
  if (operation !== 'read') return addresses.current();
  const active = budget === 'on_demand' ? survey.activeNode() : null;
  return active ?? addresses.forRead();
}

const healthRequest = {
  method: 'GET',
  path: 'sys/health',
  vaultToken: null,
  namespace: null,
} as const;

/** Paid by the budget too, behind reads. */
async function askHealth(
  options: VaultCallerOptions,
  route: VaultRoute,
  address: string,
): Promise<number | null> {
  const { clock, budget, closed, onRequest } = options;
  await budget.take('background', closed);
  const startedMs = clock.monotonicMs();
  const asked = await ask(options, route, address, healthRequest, closed);
  const outcome = 'answer' in asked ? 'ok' : asked.failure.class;
  const seconds = (clock.monotonicMs() - startedMs) / 1_000;
  onRequest?.({ operation: 'health', outcome, address, seconds });
  return 'answer' in asked ? asked.answer.status : null;
}

async function ask(
  { clock }: VaultCallerOptions,
  route: VaultRoute,
  address: string,
  request: VaultRequest,
  signal: AbortSignal,
): Promise<{ readonly answer: VaultAnswer } | { readonly ok: false; readonly failure: Failure }> {
  const node = route.nodes.get(address);
  if (node === undefined) throw new Error('an address without a node');
  try {
    const tls = await route.tlsFiles.read();
    const send = (deadline: AbortSignal): Promise<VaultAnswer> =>
      node.request(request, tls, deadline);
    return { answer: await withDeadline(clock, route.timeoutMs, signal, send) };
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, failure: failureOfError(error) };
  }
}

function moveOn(
  addresses: Addresses,
  address: string,
  answer: VaultAnswer | null,
  failure: Failure,
): Failure {
  const location = answer?.headers.location ?? null;
  if (failure.class === 'vault_standby' && addresses.redirected(address, location)) {
    const message = 'a standby redirected to another configured address, which is asked next';
    return { class: 'vault_standby', message };
  }
  // a standby that is cut off from its active node can make no login: it says 500, and another address may
  const isCutOff = failure.class === 'vault_login_failed' && (answer?.status ?? 0) >= 500;
  addresses.failed(address, isCutOff ? 'vault_error' : failure.class);
  return failure;
}
