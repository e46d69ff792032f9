import fc from 'fast-check';
import t from 'tap';
import { devVault, type DevVault } from '../../src/dev-vault/index.js';
import { vaultCall, type Loose } from './http-exchange.js';
import { KvModel, type Expected } from './kv-model.js';
import { scaled } from './test-scale.js';

const SEQUENCES = scaled(1_000);
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };

interface Step {
  readonly about: string;
  /** What the model expects, and the request that must get it. */
  run(model: KvModel, ask: Ask): { expected: Expected; answer: Promise<Loose> };
}
type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Loose>;

const path = fc.constantFrom('a', 'b');
const data = fc.dictionary(
  fc.constantFrom('x', 'y', 'z'),
  fc.oneof(fc.string({ maxLength: 4 }), fc.integer()),
  {
    maxKeys: 3,
  },
);
const patch = fc.dictionary(
  fc.constantFrom('x', 'y', 'z'),
  fc.oneof(fc.string({ maxLength: 4 }), fc.constant(null)),
  {
    maxKeys: 3,
  },
);
const cas = fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined });
const numbers = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 3 });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(path, data, cas).map(put) },
  { weight: 3, arbitrary: fc.tuple(path, patch, cas).map(patchData) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(path, fc.option(fc.integer({ min: -1, max: 7 }), { nil: undefined }))
      .map(read),
  },
  { weight: 2, arbitrary: fc.tuple(path, fc.option(numbers, { nil: undefined })).map(softDelete) },
  { weight: 2, arbitrary: fc.tuple(path, numbers).map(undelete) },
  { weight: 1, arbitrary: fc.tuple(path, numbers).map(destroy) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        path,
        fc.record(
          {
            maxVersions: fc.integer({ min: 0, max: 4 }),
            casRequired: fc.boolean(),
            deleteAfterSeconds: fc.integer({ min: 0, max: 20 }),
            custom: fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('v', 'w'), {
              maxKeys: 2,
            }),
          },
          { requiredKeys: [] },
        ),
      )
      .map(setMetadata),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        path,
        fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('v', null), { minKeys: 1 }),
      )
      .map(patchCustom),
  },
  { weight: 2, arbitrary: path.map(readMetadata) },
  { weight: 1, arbitrary: path.map(forget) },
  { weight: 1, arbitrary: fc.constant(list()) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 4 }), fc.boolean(), fc.integer({ min: -1, max: 15 }))
      .map(configure),
  },
);

/** Time passes between any two steps; sometimes enough for a version to end. */
const timed = fc.tuple(step, fc.constantFrom(1, 1, 1, 5_000, 12_000));

function put([at, value, number]: [string, Record<string, unknown>, number | undefined]): Step {
  const options = number === undefined ? {} : { options: { cas: number } };
  return {
    about: `put ${at} ${JSON.stringify(value)} cas ${String(number)}`,
    run: (model, ask) => ({
      expected: model.put(at, value, number),
      answer: ask('POST', `secret/data/${at}`, { data: value, ...options }),
    }),
  };
}

function patchData([at, value, number]: [
  string,
  Record<string, unknown>,
  number | undefined,
]): Step {
  const options = number === undefined ? {} : { options: { cas: number } };
  return {
    about: `patch ${at} ${JSON.stringify(value)} cas ${String(number)}`,
    run: (model, ask) => ({
      expected: model.patch(at, value, number),
      answer: ask('PATCH', `secret/data/${at}`, { data: value, ...options }, MERGE_PATCH),
    }),
  };
}

function read([at, version]: [string, number | undefined]): Step {
  const query = version === undefined ? '' : `?version=${version}`;
  return {
    about: `read ${at}${query}`,
    run: (model, ask) => ({
      expected: model.read(at, version),
      answer: ask('GET', `secret/data/${at}${query}`),
    }),
  };
}

function softDelete([at, versions]: [string, number[] | undefined]): Step {
  return {
    about: `delete ${at} ${String(versions)}`,
    run: (model, ask) => ({
      expected: model.delete(at, versions),
      answer:
        versions === undefined
          ? ask('DELETE', `secret/data/${at}`)
          : ask('POST', `secret/delete/${at}`, { versions }),
    }),
  };
}

function undelete([at, versions]: [string, number[]]): Step {
  return {
    about: `undelete ${at} ${String(versions)}`,
    run: (model, ask) => ({
      expected: model.undelete(at, versions),
      answer: ask('POST', `secret/undelete/${at}`, { versions }),
    }),
  };
}

function destroy([at, versions]: [string, number[]]): Step {
  return {
    about: `destroy ${at} ${String(versions)}`,
    run: (model, ask) => ({
      expected: model.destroy(at, versions),
      answer: ask('PUT', `secret/destroy/${at}`, { versions }),
    }),
  };
}

interface Settings {
  maxVersions?: number;
  casRequired?: boolean;
  deleteAfterSeconds?: number;
  custom?: Record<string, string>;
}

function setMetadata([at, settings]: [string, Settings]): Step {
  return {
    about: `metadata ${at} ${JSON.stringify(settings)}`,
    run: (model, ask) => ({
      expected: model.setMetadata(at, settings),
      answer: ask('POST', `secret/metadata/${at}`, {
        max_versions: settings.maxVersions,
        cas_required: settings.casRequired,
        delete_version_after: settings.deleteAfterSeconds,
        custom_metadata: settings.custom,
      }),
    }),
  };
}

function patchCustom([at, custom]: [string, Record<string, string | null>]): Step {
  return {
    about: `patch metadata ${at} ${JSON.stringify(custom)}`,
    run: (model, ask) => ({
      expected: model.patchCustom(at, custom),
      answer: ask('PATCH', `secret/metadata/${at}`, { custom_metadata: custom }, MERGE_PATCH),
    }),
  };
}

function readMetadata(at: string): Step {
  return {
    about: `read metadata ${at}`,
    run: (model, ask) => ({
      expected: model.readMetadata(at),
      answer: ask('GET', `secret/metadata/${at}`),
    }),
  };
}

function forget(at: string): Step {
  return {
    about: `forget ${at}`,
    run: (model, ask) => ({
      expected: model.forget(at),
      answer: ask('DELETE', `secret/metadata/${at}`),
    }),
  };
}

function list(): Step {
  return {
    about: 'list',
    run: (model, ask) => ({ expected: model.list(), answer: ask('LIST', 'secret/metadata/') }),
  };
}

function configure([maxVersions, casRequired, seconds]: [number, boolean, number]): Step {
  return {
    about: `configure ${maxVersions} ${String(casRequired)} ${seconds}`,
    run: (model, ask) => {
      Object.assign(model, { maxVersions, casRequired, deleteAfterSeconds: seconds });
      const settings = { max_versions: maxVersions, cas_required: casRequired };
      const body = { ...settings, delete_version_after: `${seconds}s` };
      return { expected: { status: 204 }, answer: ask('POST', 'secret/config', body) };
    },
  };
}

/** Undefined when the answer says what was expected, else what differs. */
function difference(expected: Expected, answer: Loose): string | undefined {
  if (answer.status !== expected.status)
    return `status ${answer.status}, expected ${expected.status}`;
  if (expected.error !== undefined) {
    const errors = JSON.stringify(expected.error === '' ? [] : [expected.error]);
    const got = JSON.stringify(answer.json?.errors);
    return got === errors ? undefined : `errors ${got}, expected ${errors}`;
  }
  return missing(expected.data, answer.json?.data, 'data');
}

function missing(expected: Loose, got: Loose, at: string): string | undefined {
  if (expected === undefined) return undefined;
  if (typeof expected !== 'object' || expected === null) {
    return Object.is(expected, got)
      ? undefined
      : `${at} is ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`;
  }
  if (typeof got !== 'object' || got === null) return `${at} is ${JSON.stringify(got)}`;
  // Lists of keys and versions, and secrets themselves, are compared whole; metadata has more than the model knows.
  const isWhole = Array.isArray(expected) || at.endsWith('.versions') || at.endsWith('data.data');
  if (
    isWhole &&
    Object.keys(expected as object).join() !==
      Object.keys(got as object)
        .sort()
        .join()
  ) {
    const keys = Object.keys(got as object)
      .sort()
      .join();
    if (
      keys !==
      Object.keys(expected as object)
        .sort()
        .join()
    )
      return `${at} has ${keys}`;
  }
  for (const key of Object.keys(expected as object)) {
    const found = missing(expected[key], got[key], `${at}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

t.test(`says the same as the model in ${SEQUENCES} random sequences`, async (t) => {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  await using vault: DevVault = await devVault({ now: () => nowMs });
  const ask: Ask = (method, at, body, headers) =>
    vaultCall(vault.address, vault.rootToken, method, at, body, headers);
  let sequences = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(timed, { minLength: 1, maxLength: 14 }), async (steps) => {
      sequences += 1;
      vault.kv.deleteMetadata('a');
      vault.kv.deleteMetadata('b');
      await ask('POST', 'secret/config', {
        max_versions: 0,
        cas_required: false,
        delete_version_after: 0,
      });
      const model = new KvModel(nowMs);
      for (const [{ about, ...step }, passesMs] of steps) {
        nowMs += passesMs;
        model.nowMs = nowMs;
        const { expected, answer } = step.run(model, ask);
        const differs = difference(expected, await answer);
        if (differs !== undefined) throw new Error(`${about}: ${differs}`);
      }
    }),
    { numRuns: SEQUENCES },
  );
  t.ok(sequences >= 1_000, `${sequences} sequences`);
});
