// The value of a component in a message (RFC 9421 §2.1–2.4), for every registered derived component and every
// parameter of a field. Knows no policy: which components a verifier wants is `policy.ts`. What has no value in
// this message is refused by a reason.
import type { Component } from './component.js';
import { isFieldContent } from './fields.js';
import type { Fields } from './fields.js';
import type { MessageView, RequestView } from './message.js';
import { queryParameterValue } from './query-parameter.js';
import { dictionaryText, itemText, listText, memberText } from './structured-field-text.js';
import { parseDictionary, parseItem, parseList } from './structured-field.js';

/** A component as far as its value goes. */
type Named = Pick<Component, 'name' | 'parameters'>;

export type FieldType = 'dictionary' | 'list' | 'item';
/** Field name to its structured type: what `;sf` needs to know (RFC 9421 §2.1.1). */
export type StructuredTypes = Readonly<Record<string, FieldType>>;

export type MissingValue = 'missing_component' | 'unsupported_component' | 'malformed_signature';
export type ComponentValue =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly reason: MissingValue };

/** The value that goes into the signature base, or why there is none. */
export function componentValue(
  component: Named,
  message: MessageView,
  types: StructuredTypes,
): ComponentValue {
  const { name, parameters } = component;
  const plain = parameters.size === 0;
  if (plain && !name.startsWith('@')) return plainFieldValue(name, message.fields);
  if (!plain && parameters.has('req')) return valueOfRequest(component, message, types);
  if (name.startsWith('@')) return derivedValue(component, message);
  return fieldValue(component, message, types);
}

/** The types of the fields that HTTP registers as structured, as far as anybody signs them. */
export const structuredTypes: StructuredTypes = {
  accept: 'list',
  'accept-signature': 'dictionary',
  'cache-status': 'list',
  'cdn-cache-control': 'dictionary',
  'client-cert': 'item',
  'client-cert-chain': 'list',
  'content-digest': 'dictionary',
  priority: 'dictionary',
  'proxy-status': 'list',
  'repr-digest': 'dictionary',
  signature: 'dictionary',
  'signature-input': 'dictionary',
  'want-content-digest': 'dictionary',
  'want-repr-digest': 'dictionary',
};

const none: Component['parameters'] = new Map();
const unsupported: ComponentValue = { ok: false, reason: 'unsupported_component' };
const missing: ComponentValue = { ok: false, reason: 'missing_component' };
const malformed: ComponentValue = { ok: false, reason: 'malformed_signature' };

const fieldName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const callerText = /^[\x21-\x7e]+$/;

function plainFieldValue(name: string, fields: Fields): ComponentValue {
  const value = fields.value(name);
  if (value === undefined) return fieldName.test(name) ? missing : unsupported;
  return fieldName.test(name) && isFieldContent(value) ? { ok: true, value } : unsupported;
}

/** What is cut from the target is printable and has no space; method and request target come from the caller. */
function derivedValue(component: Named, message: MessageView): ComponentValue {
  const isRequest = message.kind === 'request';
  const value = isRequest ? requestDerived(component, message) : status(component, message.status);
  if (value === undefined) {
    const isBroken = isRequest && message.target === undefined && component.name !== '@status';
    return isBroken ? malformed : unsupported;
  }
  const isFromCaller = component.name === '@method' || component.name === '@request-target';
  return isFromCaller && !callerText.test(value) ? malformed : { ok: true, value };
}

function valueOfRequest(
  component: Named,
  message: MessageView,
  types: StructuredTypes,
): ComponentValue {
  const isFlag = component.parameters.get('req') === true;
  if (!isFlag || message.kind === 'request') return unsupported;
  if (message.request === undefined) return missing;
  const { name, parameters } = component;
  // only the flag
  if (parameters.size === 1)
    return componentValue({ name, parameters: none }, message.request, types);
  const rest = new Map(parameters);
  rest.delete('req');
  return componentValue({ name, parameters: rest }, message.request, types);
}

function status(component: Named, code: number): string | undefined {
  if (component.name !== '@status' || component.parameters.size > 0) return undefined;
  return Number.isInteger(code) && code >= 100 && code <= 999 ? String(code) : undefined;
}

function requestDerived(component: Named, request: RequestView): string | undefined {
  const { target } = request;
  const { parameters } = component;
  if (component.name === '@query-param') {
    const name = parameters.get('name');
    if (typeof name !== 'string' || parameters.size > 1 || target === undefined) return undefined;
    return queryParameterValue(target.query, name);
  }
  if (parameters.size > 0) return undefined;
  switch (component.name) {
    case '@method':
      return request.method;
    case '@authority':
      return target?.authority;
    case '@path':
      return target?.path;
    case '@query':
      return target && (target.query || '?');
    case '@scheme':
      return target?.scheme;
    case '@target-uri':
      if (target?.scheme === undefined || target.authority === undefined) return undefined;
      return `${target.scheme}://${target.authority}${target.origin}`;
    case '@request-target':
      return request.requestTarget;
    default:
      return undefined;
  }
}

function fieldValue(
  component: Named,
  message: MessageView,
  types: StructuredTypes,
): ComponentValue {
  const { name, parameters } = component;
  const known = [...parameters].every(([key, value]) =>
    key === 'key' ? typeof value === 'string' : fieldFlags.has(key) && value === true,
  );
  if (!known || !fieldName.test(name)) return unsupported;
  const fields = parameters.has('tr') ? message.trailers : message.fields;
  const value = fields.value(name);
  if (value === undefined) return missing;
  if (parameters.has('bs')) {
    if (parameters.has('sf') || parameters.has('key')) return unsupported;
    const lines = fields.lines(name);
    return lines.every(isBytes) ? { ok: true, value: byteSequences(lines) } : unsupported;
  }
  const key = parameters.get('key');
  if (typeof key === 'string') return dictionaryMember(value, key);
  if (parameters.has('sf')) return strictValue(value, types[name]);
  return isFieldContent(value) ? { ok: true, value } : unsupported;
}

const latin1 = /^[\0-\xff]*$/;
const fieldFlags: ReadonlySet<string> = new Set(['sf', 'bs', 'tr']);

/** Field lines hold bytes; HTTP libraries hand them over as Latin-1 text. */
function byteSequences(lines: readonly string[]): string {
  return lines.map((line) => `:${Buffer.from(line, 'latin1').toString('base64')}:`).join(', ');
}

/** Text beyond Latin-1 was never bytes on a wire; encoded as if it were, it would equal another text. */
function isBytes(line: string): boolean {
  return latin1.test(line);
}

function dictionaryMember(value: string, key: string): ComponentValue {
  const dictionary = parseDictionary(value);
  if (dictionary === undefined) return unsupported;
  const member = dictionary.get(key);
  return member === undefined ? missing : { ok: true, value: memberText(member) };
}

function strictValue(value: string, type: FieldType | undefined): ComponentValue {
  const text = type === undefined ? undefined : strictText(value, type);
  return text === undefined ? unsupported : { ok: true, value: text };
}

function strictText(value: string, type: FieldType): string | undefined {
  switch (type) {
    case 'dictionary': {
      const dictionary = parseDictionary(value);
      return dictionary && dictionaryText(dictionary);
    }
    case 'list': {
      const list = parseList(value);
      return list && listText(list);
    }
    case 'item': {
      const item = parseItem(value);
      return item && itemText(item);
    }
  }
}
