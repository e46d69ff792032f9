// Both ways with the package http-message-signatures of npm, over the published vectors.
import { timingSafeEqual } from 'node:crypto';
import { createHmac } from 'node:crypto';
import { httpbis } from 'http-message-signatures';
import type { Request, Response } from 'http-message-signatures';
import t from 'tap';
import { judgeSigned, signedMessage, taskOf } from './interop-tasks.js';
import { keyBytes, vectors } from './vector-file.js';
import type { AcceptedVector } from './vector-file.js';

type Lines = readonly (readonly [string, string])[];

/** Vectors that this implementation reads otherwise, and why. Each of them must fail, or it does not belong here. */
const unsupported: Readonly<Record<string, string>> = {
  'encoded dots are no dot segments': 'reads the URL with `new URL`',
  'dot segments are not removed': 'reads the URL with `new URL`',
  'the origin-form with Host': 'wants an absolute URL',
  'a folded covered field': 'leaves the CR of an obsolete fold',
  'a field that is not ASCII, as a byte sequence': 'takes field text for UTF-8, not for bytes',
};

t.test('theirs verifies ours, and sees the same signature base', async (t) => {
  for (const vector of vectors.accepted) {
    const seen = await theirVerdict(vector).catch((error: unknown) => String(error));
    const why = unsupported[vector.name];
    if (why === undefined) t.same(seen, vector.base, vector.name);
    else t.not(seen, vector.base, `${vector.name}: ${why}`);
  }
});

t.test('ours verifies theirs', async (t) => {
  for (const vector of vectors.accepted) {
    if (vector.name in unsupported) continue;
    const lines = await theirSignature(vector);
    t.match(judgeSigned(vector, lines), { ok: true, ...vector.result }, vector.name);
  }
});

/** The base that their verifier computed, if it found the signature good. */
async function theirVerdict(vector: AcceptedVector): Promise<string> {
  const { keyid, tag } = taskOf(vector);
  let seen = 'no signature found';
  const key = {
    verify: async (data: Buffer, mac: Buffer): Promise<boolean> => {
      seen = data.toString('latin1');
      const expected = createHmac('sha256', keyBytes(vector.key)).update(data).digest();
      return timingSafeEqual(expected, mac);
    },
  };
  const config = {
    keyLookup: async (parameters: { keyid?: string; tag?: string }) =>
      parameters.keyid === keyid && parameters.tag === tag ? key : null,
    // the vectors have a clock of their own
    tolerance: 40 * 365 * 86_400,
  };
  const { message, request } = theirMessage(vector, signedMessage(vector).headers);
  const isGood = await (request === undefined
    ? httpbis.verifyMessage(config, message as Request)
    : httpbis.verifyMessage(config, message as Response, request));
  return isGood === true ? seen : `not verified: ${seen}`;
}

async function theirSignature(vector: AcceptedVector): Promise<Lines> {
  const task = taskOf(vector);
  const time = (seconds: number | undefined) =>
    seconds === undefined ? undefined : new Date(seconds * 1000);
  const config = {
    key: {
      sign: async (data: Buffer) =>
        createHmac('sha256', keyBytes(vector.key)).update(data).digest(),
    },
    fields: task.components,
    params: ['created', 'expires', 'nonce', 'keyid', 'tag'].filter(
      (name) => task[name as keyof typeof task] !== undefined,
    ),
    paramValues: {
      created: time(task.created) ?? null,
      ...(task.expires === undefined ? {} : { expires: time(task.expires)! }),
      ...(task.nonce === undefined ? {} : { nonce: task.nonce }),
      ...(task.tag === undefined ? {} : { tag: task.tag }),
      keyid: task.keyid,
    },
    name: 'npm',
  };
  const kept = signedMessage(vector).headers.filter(([name]) => !/^signature/i.test(name));
  const { message, request } = theirMessage(vector, kept);
  const signed = await (request === undefined
    ? httpbis.signMessage(config, message as Request)
    : httpbis.signMessage(config, message as Response, request));
  return Object.entries(signed.headers).flatMap(([name, value]) =>
    [value].flat().map((line): [string, string] => [name, line]),
  );
}

function theirMessage({ request, response }: AcceptedVector, headers: Lines) {
  const asked = { method: request.method, url: request.url };
  if (response === undefined) return { message: { ...asked, headers: record(headers) } };
  return {
    message: { status: response.status, headers: record(headers) },
    request: { ...asked, headers: record(request.headers) },
  };
}

function record(lines: Lines): Record<string, string[]> {
  const all: Record<string, string[]> = {};
  for (const [name, value] of lines) (all[name] ??= []).push(value);
  return all;
}
