// One configured address: its connections, how its clock differs from ours, and the way a request to it is composed.
// Connections are made anew when the TLS files changed, and when its name has moved to another address.
import type { Clock } from '../platform/clock.js';
import { clockOffsetMs, offsetSampleMs, withSample } from './clock-offset.js';
import type { TlsSettings } from './connector.js';
import { openConnections, type HttpConnections } from './http-connections.js';
import { NameWatch, type NameLookup } from './name-watch.js';
import { buildNodeVaultRequests, type VaultRequest } from './node-vault-requests.js';
import type { VaultAnswer } from './vault-answer.js';

export interface VaultNode {
  readonly address: string;
  request(request: VaultRequest, tls: TlsSettings, signal: AbortSignal): Promise<VaultAnswer>;
  /** The node's clock minus ours; 0 before the first answer or below 2 s. Milliseconds. */
  clockOffsetMs(): number;
  /** Its connections close when what is under way on them has ended. */
  retire(): void;
  close(): Promise<void>;
}

export function buildVaultNode(options: {
  readonly address: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly proxy: string | null;
  /** How its name is resolved; default: the system's. */
  readonly lookup?: NameLookup | undefined;
}): VaultNode {
  const { address, clock, timeoutMs, proxy, lookup } = options;
  const { origin, pathname, hostname } = new URL(address);
  const composed = buildNodeVaultRequests(pathname.replace(/\/+$/, ''));
  let open: { readonly tls: TlsSettings; readonly connections: HttpConnections } | null = null;
  let offsets: readonly number[] = [];
  let offsetMs = 0;

  const retire = (): void => {
    // those under way end by themselves or by their deadline
    void open?.connections.retire();
    open = null;
  };
  const connectionsFor = (tls: TlsSettings): HttpConnections => {
    if (open?.tls !== tls) {
      retire();
      open = { tls, connections: openConnections({ origin, tls, timeoutMs, proxy, lookup }) };
    }
    return open.connections;
  };
  const nameWatch = new NameWatch({
    hostname,
    clock,
    lookup,
    connectedTo: () => open?.connections.connectedTo() ?? new Set(),
    onMoved: retire,
  });

  return {
    address,
    async request(request, tls, signal) {
      return composed.request(request, async (composedRequest) => {
        nameWatch.beforeRequest();
        const sentAt = clock.now();
        const answer = await connectionsFor(tls).request(composedRequest, signal);
        const observation = { sentAt, receivedAt: clock.now(), date: answer.headers.date };
        const sample = offsetSampleMs(observation);
        if (sample !== null) {
          offsets = withSample(offsets, sample);
          offsetMs = clockOffsetMs(offsets);
        }
        return answer;
      });
    },
    clockOffsetMs: () => offsetMs,
    retire,
    async close() {
      await open?.connections.close();
      open = null;
    },
  };
}
