import { createHmac } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { viewRequest, viewResponse } from '../../src/signature/index.js';
import { parseSignature } from '../../src/signature/parse-signature.js';
import {
  contextOf,
  hasContent,
  judge,
  keyBytes,
  keyring,
  policyOf,
  requestOf,
  responseOf,
  vectors,
} from './vector-file.js';

t.test('the published vectors are what their generator writes', async (t) => {
  const output = execFileSync(process.execPath, ['scripts/vectors.mjs', '--check'], {
    encoding: 'utf8',
    env: {},
  });
  t.equal(output, '');
});

t.test('there are vectors enough, each under its own name', async (t) => {
  t.ok(vectors.accepted.length >= 40, `${vectors.accepted.length} accepted`);
  t.ok(vectors.refused.length >= 60, `${vectors.refused.length} refused`);
  for (const list of [vectors.accepted, vectors.refused]) {
    t.equal(new Set(list.map(({ name }) => name)).size, list.length);
  }
});

t.test('every MAC of a vector is the HMAC of its base', async (t) => {
  for (const { name, base, mac, key } of vectors.accepted) {
    const actual = createHmac('sha256', keyBytes(key)).update(base).digest('base64');
    t.equal(actual, mac, name);
  }
});

t.test('every message that must be accepted is, by the key that signed it', async (t) => {
  for (const vector of vectors.accepted) {
    const verdict = judge(vector);
    t.match(verdict, { ok: true, ...vector.result }, vector.name);
  }
});

t.test('the signature base is that of the vector, to the byte', async (t) => {
  for (const vector of vectors.accepted) {
    const request = viewRequest(requestOf(vector));
    const response = responseOf(vector);
    const view = response === undefined ? request : viewResponse(response, request);
    const parsed = parseSignature(view, policyOf(vector), hasContent(vector));
    t.match(parsed, { ok: true, base: vector.base }, vector.name);
  }
});

t.test('every message that must be refused is, for the reason that the vector names', async (t) => {
  for (const vector of vectors.refused) {
    t.same(judge(vector), { ok: false, reason: vector.reason }, vector.name);
  }
});

t.test('the context of a vector is what it says', async (t) => {
  t.equal(keyring.width, 4);
  const [vector] = vectors.accepted;
  t.equal(contextOf(vector!).nowSeconds, vector!.now);
});
