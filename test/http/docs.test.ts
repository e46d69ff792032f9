// docs/api.md against the code, both ways.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { Check } from 'typebox/value';
import { healthSchema } from '../../src/http/health-schema.js';
import { apiLimits, probeLimits } from '../../src/http/limits.js';
import { openapiDocument } from '../../src/http/openapi.js';
import { probeSpecs } from '../../src/http/probe-routes.js';
import { problems } from '../../src/http/problems.js';
import { templateOf } from '../../src/http/route.js';
import { signedSpecs } from '../../src/http/signed/signed-api.js';
import { refusalReasons } from '../../src/signature/index.js';
import { healthBody } from './start-http.js';

const page = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8');

/** The cells of the table under a heading, without its head. */
function rowsUnder(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => /^\| [^-]/.test(line));
  return lines.slice(1).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

t.test('the routes of the documentation are those of the code', async (t) => {
  t.same(
    rowsUnder('Routes').map(([route, listeners, statuses]) => [route, listeners, statuses]),
    [...probeSpecs, ...signedSpecs].map((spec) => [
      `${spec.method} ${templateOf(spec.path)}`,
      spec.listeners.join(', '),
      Object.entries(spec.responses)
        .filter(([, { contentType }]) => contentType !== 'application/problem+json')
        .map(([status]) => status)
        .join(', '),
    ]),
  );
  for (const [, , , answer = ''] of rowsUnder('Routes').slice(probeSpecs.length)) {
    t.match(answer, /^(token|auth):[a-z]+\.|^The same/, 'its scope comes first');
  }
});

t.test('the scope in the row of a route is the one it asks for', async (t) => {
  const rows = rowsUnder('Routes').slice(probeSpecs.length);
  for (const [at, { scope, path }] of signedSpecs.entries()) {
    if (path.startsWith('/api/')) continue;
    t.equal(rows[at]?.[3]?.split('.')[0], scope, path);
  }
});

t.test('the refusal reasons of the documentation are those of the code', async (t) => {
  const section = page.split('\n### Refusals\n')[1]?.split('\n## ')[0] ?? '';
  t.same(
    [...section.matchAll(/^\| `(\w+)`/gm)].map(([, reason]) => reason),
    [...refusalReasons],
  );
});

t.test('the problems of the documentation are those of the code', async (t) => {
  t.same(
    rowsUnder('Problems').map(([code, status]) => [code, Number(status)]),
    Object.entries(problems).map(([code, { status }]) => [code, status]),
  );
});

t.test('the limits of the documentation are those of the code', async (t) => {
  t.same(Object.fromEntries(rowsUnder('Limits').map(([limit = '', value]) => [limit, value])), {
    Header: `${apiLimits.headerBytesMax / 1024} KiB, ${apiLimits.headersMax} fields`,
    Body: `${apiLimits.bodyBytesMax / 1024 ** 2} MiB, also where it is not read but skipped`,
    'Time for the header': `${apiLimits.headersTimeoutMs / 1000} s`,
    'Time for header and body': `${apiLimits.requestTimeoutMs / 1000} s`,
    'Idle keep-alive connection': `${apiLimits.keepAliveTimeoutMs / 1000} s`,
    'Connection on which nothing moves': `${apiLimits.inactivityTimeoutMs / 1000} s`,
    'Open connections of listen.address': String(apiLimits.connectionsMax),
    'Open connections of listen.probe_address': String(probeLimits.connectionsMax),
  });
});

interface Schema {
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** Every field below a schema, with the name of its type. */
function fieldsOf(schema: Schema, path = ''): [string, string][] {
  return [
    ...(schema.anyOf ?? []).flatMap((each) => fieldsOf(each, path)),
    ...Object.values(schema.patternProperties ?? {}).flatMap((each) => fieldsOf(each, `${path}.*`)),
    ...(schema.items === undefined ? [] : fieldsOf(schema.items, `${path}[]`)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, each]): [string, string][] => {
      const at = path === '' ? name : `${path}.${name}`;
      return [[at, typeName(each)], ...fieldsOf(each, at)];
    }),
  ];
}

function typeName(schema: Schema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeName).join(' or ');
  return schema.type ?? (schema.enum === undefined ? 'unknown' : 'string');
}

t.test('the fields of /health in the documentation are those of its schema', async (t) => {
  t.same(
    rowsUnder('`GET /health`').map(([field, type]) => [field, type]),
    fieldsOf(healthSchema),
  );
});

t.test('the body that is sent satisfies the schema, and the schema refuses others', async (t) => {
  t.ok(Check(healthSchema, healthBody()));
  t.ok(Check(healthSchema, { ...healthBody(), vault: null, token_age_seconds: null }));
  const sink = { ok: true, version: 1, last_success_at: null, error: null };
  t.ok(Check(healthSchema, { ...healthBody(), sinks: { file: sink } }));
  t.notOk(Check(healthSchema, { ...healthBody(), status: 'fine' }));
  t.notOk(Check(healthSchema, { ...healthBody(), tokens: { default: {} } }));
});

t.test('the OpenAPI document has each route once, and only references that exist', async (t) => {
  const document = JSON.parse(
    JSON.stringify(openapiDocument([...probeSpecs, ...signedSpecs], '1.2.3')),
  );
  t.equal(document.openapi, '3.1.0');
  t.equal(document.info.version, '1.2.3');
  t.same(
    Object.keys(document.paths as object),
    [...probeSpecs, ...signedSpecs].map(({ path }) => templateOf(path)),
  );
  t.same(Object.keys(document.paths['/health'].get.responses as object), [
    '200',
    '400',
    '403',
    '408',
    '421',
    '431',
    '500',
    '503',
  ]);
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g);
  for (const [, path = ''] of references) {
    const found = path
      .split('/')
      .reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], document);
    t.ok(found, path);
  }
  const ids = [...JSON.stringify(document).matchAll(/"operationId":"([^"]+)"/g)].map(
    ([, id]) => id,
  );
  t.equal(new Set(ids).size, probeSpecs.length + signedSpecs.length);
});
