// The body of a write as fields: JSON whatever the content type says, or a form where it says form and does not look
// like JSON.
import { decodeJson, emptyObject, isJsonObject, type JsonObject } from '../json-text.js';
import { refuse, type Refusal } from '../result.js';

export const MERGE_PATCH = 'application/merge-patch+json';

/** The fields, or the refusal. */
export type BodyRead = { readonly data: JsonObject } | Refusal;

const badJson = refuse(400, 'error parsing JSON');

/** An empty body has no fields. */
export function readBody(body: Buffer, contentType: string): BodyRead {
  if (body.length === 0) return { data: emptyObject() };
  const text = body.toString('utf8');
  return isForm(text, contentType) ? { data: readForm(text) } : readJson(text);
}

export function readJson(text: string): BodyRead {
  try {
    const value = decodeJson(text);
    if (value === undefined || value === null) return { data: emptyObject() };
    return isJsonObject(value) ? { data: value } : badJson;
  } catch (error) {
    if (error instanceof SyntaxError) return badJson;
    throw error;
  }
}

function isForm(text: string, contentType: string): boolean {
  const type = contentType.split(';')[0]?.trim().toLowerCase();
  return type === 'application/x-www-form-urlencoded' && !/^[ \t\r\n]*[[{]/.test(text);
}

function readForm(text: string): JsonObject {
  const parameters = new URLSearchParams(text);
  return readQuery(parameters);
}

/** Parameters as fields: a list where a name comes more than once. */
export function readQuery(parameters: URLSearchParams): JsonObject {
  const fields = emptyObject();
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    fields[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
  return fields;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Why a PATCH of this content type is refused; undefined for a merge patch. */
export function patchTypeRefusal(contentType: string | undefined): Refusal | undefined {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === MERGE_PATCH) return undefined;
  const malformed = mediaTypeError(type);
  if (malformed !== undefined) return refuse(400, malformed);
  return refuse(415, `PATCH requires Content-Type of ${MERGE_PATCH}, provided ${type}`);
}

function mediaTypeError(type: string): string | undefined {
  if (type === '') return 'mime: no media type';
  const slash = type.indexOf('/');
  const major = slash === -1 ? type : type.slice(0, slash);
  if (!TOKEN.test(major)) return 'mime: expected slash after first token';
  if (slash !== -1 && !TOKEN.test(type.slice(slash + 1))) return 'mime: expected token after slash';
  return undefined;
}
