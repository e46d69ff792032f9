// What the program shall be, as ratios within one run or as limits, and whether a run met it.
import { type Figure, ratioOf } from './figure.js';

interface Target {
  readonly text: string;
  readonly figure: string;
  /** null: a limit in the figure's own unit. */
  readonly against: string | null;
  readonly limit: number;
  readonly isAtLeast?: boolean;
}

const BARE = 'node:http';
const HASHED = 'Fastify and the same hashes';
const PEER = 'bao agent';

export const targets: readonly Target[] = [
  { text: 'Resident memory, idle', figure: 'memory.rss', against: BARE, limit: 1.45 },
  { text: 'Resident memory, idle', figure: 'memory.rss', against: PEER, limit: 0.7 },
  { text: 'Anonymous memory, idle', figure: 'memory.anonymous', against: BARE, limit: 2.4 },
  { text: 'Peak memory to idle', figure: 'memory.peak-to-idle', against: null, limit: 1.25 },
  { text: 'Processor time of an idle day, s', figure: 'memory.cpu-day', against: null, limit: 20 },
  { text: 'exec to `/readyz`', figure: 'start.readyz', against: BARE, limit: 2.2 },
  { text: 'exec to `/readyz`', figure: 'start.readyz', against: PEER, limit: 1 },
  { text: '`healthcheck`', figure: 'start.healthcheck', against: 'node -e 0', limit: 1.25 },
  atLeast('Signed `GET /v1/tokens`, requests/s', 'throughput.signed', BARE, 0.3),
  atLeast('Signed `GET /v1/tokens`, requests/s', 'throughput.signed', HASHED, 0.6),
  { text: 'The same at 1,000/s, p99, ms', figure: 'calm.signed.p99', against: null, limit: 5 },
  {
    text: 'Vault write to accepted on demand, p99',
    figure: 'rotation.on-demand.p99',
    against: 'one direct Vault read',
    limit: 3,
  },
  { text: 'Refused in the rotations', figure: 'rotation.refused', against: null, limit: 0 },
  { text: 'Swap to 500 woken, p99, ms', figure: 'rotation.woken.p99', against: null, limit: 50 },
  { text: 'Memory of one waiter, KB', figure: 'rotation.waiter', against: null, limit: 20 },
  { text: 'Herd after a start, peak/mean', figure: 'herd.start', against: null, limit: 1.5 },
  { text: 'Herd after an outage, peak/mean', figure: 'herd.outage', against: null, limit: 1.5 },
  {
    text: 'Soak: MB per 100,000 requests, 95 % bound',
    figure: 'soak.slope',
    against: null,
    limit: 1,
  },
];

function atLeast(text: string, figure: string, against: string, limit: number): Target {
  return { text, figure, against, limit, isAtLeast: true };
}

export interface Outcome extends Target {
  /** A ratio, or a value in the figure's unit; null: not measured in this run. */
  readonly found: number | null;
  readonly isMet: boolean | null;
}

export function outcomesOf(figures: readonly Figure[]): readonly Outcome[] {
  return targets.map((target) => {
    const figure = figures.find(({ id }) => id === target.figure);
    const found = figure === undefined ? null : foundIn(figure, target.against);
    if (found === null) return { ...target, found, isMet: null };
    const isMet = target.isAtLeast === true ? found >= target.limit : found <= target.limit;
    return { ...target, found: Number(found.toPrecision(3)), isMet };
  });
}

function foundIn(figure: Figure, against: string | null): number | null {
  if (against !== null) return ratioOf(figure, 'keytender', against);
  return figure.values['keytender']?.median ?? null;
}
