// What signing and verifying cost beside node's bare HMAC of the same base, and what a remembered nonce costs.
// Interleaved rounds, so that a change of clock speed or of load hits all three alike. Run:
//   npm run bench -- signature
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { Keyring, keytenderPolicy, ReplayPartition, sign, verify } from '../src/signature/index.js';

const NOW_SECONDS = 1_735_689_600;
const ROUNDS = Number(process.argv[2] ?? 60);
const PER_ROUND = 2_000;

const key = createSecretKey(Buffer.from('0123456789abcdef0123456789abcdef'));
const otherKey = createSecretKey(Buffer.from('fedcba9876543210fedcba9876543210'));
const body = Buffer.from('{"order":42,"lines":[{"sku":"a","count":1},{"sku":"b","count":2}]}');
const unsigned = {
  method: 'POST',
  url: 'https://orders.internal:8443/v1/orders?dry_run=1',
  headers: { 'content-type': 'application/json', 'content-length': String(body.length) },
};
const parameters = {
  key,
  keyid: 'default:7',
  created: NOW_SECONDS,
  nonce: 'bm9uY2Utbm9uY2Utbm9uY2Ux',
  tag: 'keytender-service',
};
const signed = sign({ ...unsigned, body }, parameters);
// As a server has them: node's flat list of field lines, among those that any client sends.
const rawHeaders = Object.entries({
  Host: 'orders.internal:8443',
  'User-Agent': 'bench/1.0',
  Accept: '*/*',
  'Accept-Encoding': 'gzip',
  Connection: 'keep-alive',
  'Content-Type': 'application/json',
  'Content-Length': String(body.length),
  'Content-Digest': signed.headers['content-digest'] ?? '',
  'Signature-Input': signed.headers['signature-input'],
  Signature: signed.headers.signature,
}).flat();
const received = { method: 'POST', url: unsigned.url, headers: rawHeaders };
const base = Buffer.from(signed.base);
const mac = createHmac('sha256', key).update(base).digest();

const keyring = new Keyring([{ key, name: 'default', versions: [7] }]);
const six = new Keyring([
  { key, name: 'default', versions: [7] },
  ...[6, 5, 4, 3].map((version) => ({
    key: `superseded-superseded-superseded-${version}`,
    name: 'default',
    versions: [version],
    role: 'superseded' as const,
  })),
  { key: otherKey, name: 'default', versions: [8], role: 'pending' as const },
]);

const bareHmac = (): boolean =>
  timingSafeEqual(createHmac('sha256', key).update(base).digest(), mac);
const contexts = { nowSeconds: NOW_SECONDS };
const noDigest = { ...received, isContentVerified: true };
const whole = { ...received, body };
const withDigest = {
  ...unsigned,
  headers: { ...unsigned.headers, 'content-digest': signed.headers['content-digest'] ?? '' },
};
const withBody = { ...unsigned, body };
const tasks: Record<string, () => unknown> = {
  'bare HMAC': bareHmac,
  'sign, content-digest given': () => sign(withDigest, parameters),
  'sign, with content': () => sign(withBody, parameters),
  'verify, fields only': () => must(verify(noDigest, keyring, keytenderPolicy, contexts).ok),
  'verify, with content': () => must(verify(whole, keyring, keytenderPolicy, contexts).ok),
  'verify, fields only, six keys': () => must(verify(noDigest, six, keytenderPolicy, contexts).ok),
};

compare(tasks);
compareRefusals();
memory();

function must(value: boolean): boolean {
  if (!value) throw new Error('the benchmark measures a refusal');
  return value;
}

function compare(all: Record<string, () => unknown>): void {
  const nanoseconds = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, task] of Object.entries(all)) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < PER_ROUND; i += 1) task();
      const each = Number(process.hrtime.bigint() - start) / PER_ROUND;
      if (round >= ROUNDS / 4) nanoseconds.set(name, [...(nanoseconds.get(name) ?? []), each]);
    }
  }
  const bare = median(nanoseconds.get('bare HMAC') ?? []);
  console.log(
    `median of ${Math.ceil(ROUNDS * 0.75)} rounds of ${PER_ROUND}, node ${process.version}`,
  );
  for (const [name, samples] of nanoseconds) {
    const each = median(samples);
    console.log(
      `${name.padEnd(32)} ${(each / 1000).toFixed(2).padStart(7)} µs  ${(each / bare).toFixed(2)} ×`,
    );
  }
}

/** A wrong key and an unknown `keyid` must not be told apart by time: single calls, interleaved. */
function compareRefusals(): void {
  const CALLS = 10_000;
  const wrong = new Keyring([{ key: otherKey, name: 'default', versions: [7] }]);
  const unknown = new Keyring([{ key: otherKey, name: 'somebody', versions: [7] }]);
  const times = { wrong: [] as number[], unknown: [] as number[] };
  for (let i = 0; i < CALLS; i += 1) {
    times.wrong.push(once(wrong));
    times.unknown.push(once(unknown));
  }
  const [a, b] = [median(times.wrong), median(times.unknown)];
  console.log(
    `refusal of a wrong key ${(a / 1000).toFixed(2)} µs, of an unknown one ${(b / 1000).toFixed(2)} µs (medians of ${CALLS})`,
  );
}

function once(ring: Keyring): number {
  const start = process.hrtime.bigint();
  verify(noDigest, ring, keytenderPolicy, contexts);
  return Number(process.hrtime.bigint() - start);
}

function memory(): void {
  const ENTRIES = 400_000;
  const partition = new ReplayPartition({
    capacity: ENTRIES,
    maxSkewSeconds: 300,
    aheadSeconds: 30,
    salt: 'bench',
  });
  const before = process.memoryUsage();
  const slowest = { ns: 0 };
  const start = process.hrtime.bigint();
  for (let i = 0; i < ENTRIES; i += 1) {
    const at = process.hrtime.bigint();
    partition.claim(`nonce-nonce-nonce-${i}`, NOW_SECONDS, NOW_SECONDS);
    slowest.ns = Math.max(slowest.ns, Number(process.hrtime.bigint() - at));
  }
  const each = Number(process.hrtime.bigint() - start) / ENTRIES;
  const after = process.memoryUsage();
  console.log(
    `replay guard: ${(partition.bytes / ENTRIES).toFixed(1)} bytes an entry at ${ENTRIES} entries ` +
      `(array buffers grew by ${((after.arrayBuffers - before.arrayBuffers) / ENTRIES).toFixed(1)}), ` +
      `${(each / 1000).toFixed(2)} µs a claim, slowest ${(slowest.ns / 1e6).toFixed(1)} ms`,
  );
}

function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
