// Asking Vault on behalf of `check`: the agent's own requests, deadlines and tables, one request at a time to one
// address, without a budget: it asks a dozen questions and ends.
import type { VaultConfig } from '../../config/config.js';
import type { Failure } from '../../health/failure.js';
import type { Clock } from '../../platform/clock.js';
import { withDeadline } from '../../vault/deadline.js';
import { failureOfError } from '../../vault/failure-of-error.js';
import type { VaultRequest } from '../../vault/node-vault-requests.js';
import type { TlsFiles } from '../../vault/tls-files.js';
import type { VaultAnswer } from '../../vault/vault-answer.js';
import type { VaultCaller } from '../../vault/vault-caller.js';
import { buildVaultNode } from '../../vault/vault-node.js';

export type Asked =
  | { readonly ok: true; readonly answer: VaultAnswer; readonly milliseconds: number }
  | { readonly ok: false; readonly failure: Failure };

export interface VaultProbe {
  readonly address: string;
  ask(request: VaultRequest): Promise<Asked>;
  /** The same, as the login methods use it. */
  readonly caller: VaultCaller;
  /** Vault's clock minus ours; 0 below 2 s. Milliseconds. */
  clockOffsetMs(): number;
  close(): Promise<void>;
}

export interface VaultProbeOptions {
  readonly address: string;
  readonly config: VaultConfig;
  readonly tlsFiles: TlsFiles;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export function buildVaultProbe(options: VaultProbeOptions): VaultProbe {
  const { address, config, tlsFiles, clock, signal } = options;
  const { timeoutMs, proxy } = config;
  const node = buildVaultNode({ address, clock, timeoutMs, proxy });

  async function ask(request: VaultRequest): Promise<Asked> {
    const startedMs = clock.monotonicMs();
    try {
      const tls = await tlsFiles.read();
      const answer = await withDeadline(clock, timeoutMs, signal, (deadline) =>
        node.request(request, tls, deadline),
      );
      return { ok: true, answer, milliseconds: Math.round(clock.monotonicMs() - startedMs) };
    } catch (error) {
      signal.throwIfAborted();
      return { ok: false, failure: failureOfError(error) };
    }
  }

  return {
    address,
    ask,
    caller: {
      clockOffsetMs: () => node.clockOffsetMs(),
      async call(_operation, request, _options, interpret) {
        const asked = await ask(request);
        return asked.ok ? interpret(asked.answer) : asked;
      },
    },
    clockOffsetMs: () => node.clockOffsetMs(),
    close: () => node.close(),
  };
}
