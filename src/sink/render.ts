// What is written, by format (docs/sinks.md). Pure. One of the named places where a token leaves: the answer is bytes that
// the caller wipes, never a string that lingers longer than it must.
import type { SinkConfig } from '../config/config.js';
import { SinkError, type Delivery } from './sink.js';

export type Form = Pick<SinkConfig, 'format' | 'template'>;

/** The fields that a template may name. */
export const templateFields = [
  'name',
  'value',
  'value_json',
  'value_base64',
  'version',
  'created_at',
] as const;
type TemplateField = (typeof templateFields)[number];

const FIELD = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** Names in a template that are no fields. */
export function unknownFields(template: string): readonly string[] {
  return [...template.matchAll(FIELD)]
    .map(([, name = '']) => name)
    .filter((name) => !isField(name));
}

/** The bytes to write. */
export function render({ format, template }: Form, delivery: Delivery): Buffer {
  switch (format) {
    case 'raw':
      return Buffer.from(delivery.snapshot.current.value.reveal());
    case 'json':
      return Buffer.from(`${JSON.stringify(documentOf(delivery), null, 2)}\n`);
    case 'env':
      return Buffer.from(
        environmentOf(delivery)
          .map(([name, value]) => `${name}=${quoted(value)}\n`)
          .join(''),
      );
    case 'template':
      return Buffer.from(filled(template ?? '', delivery));
  }
}

/** Names and values: `TOKEN`, or `BILLING_TOKEN` for the token `billing`. What is not known is left out. */
export function environmentOf(delivery: Delivery): readonly (readonly [string, string])[] {
  const { current } = delivery.snapshot;
  const prefix = environmentPrefix(delivery.token);
  return [
    [`${prefix}TOKEN`, current.value.reveal()],
    ...(current.version === null
      ? []
      : [[`${prefix}TOKEN_VERSION`, String(current.version)] as const]),
    [`${prefix}TOKEN_CREATED_AT`, iso(current.createdAt)],
  ];
}

/** Empty for `default`, else the name in capitals with an underscore behind it; a name may not begin with a digit. */
function environmentPrefix(token: string): string {
  if (token === 'default') return '';
  const name = token.toUpperCase().replaceAll('-', '_');
  return `${/^\d/.test(name) ? '_' : ''}${name}_`;
}

/** As `GET /v1/tokens/{name}` answers, without what changes by the second. */
function documentOf({ token, snapshot: { current, superseded } }: Delivery): object {
  return {
    name: token,
    value: current.value.reveal(),
    version: current.version,
    created_at: iso(current.createdAt),
    expires_at: current.expiresAt === null ? null : iso(current.expiresAt),
    superseded: superseded.map(({ value, version, usableUntil }) => ({
      value: value.reveal(),
      version,
      usable_until: iso(usableUntil),
    })),
  };
}

function filled(template: string, { token, snapshot: { current } }: Delivery): string {
  const value = current.value.reveal();
  const fields: Readonly<Record<TemplateField, string>> = {
    name: token,
    value,
    value_json: JSON.stringify(value),
    value_base64: Buffer.from(value).toString('base64'),
    version: current.version === null ? '' : String(current.version),
    created_at: iso(current.createdAt),
  };
  return template.replace(FIELD, (_, name: string) => {
    if (isField(name)) return fields[name];
    throw new SinkError('its template names a field that does not exist');
  });
}

function isField(name: string): name is TemplateField {
  return (templateFields as readonly string[]).includes(name);
}

/** As a POSIX shell and systemd's EnvironmentFile read it: bare where nothing needs quoting, else in single quotes. */
function quoted(value: string): string {
  return /^[\w+/=.:@%-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

function iso(ms: number): string {
  return new Date(Math.min(Math.max(ms, -8.64e15), 8.64e15)).toISOString();
}
