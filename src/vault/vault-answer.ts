// One answer of Vault as it came off the wire: the few headers that mean something to us, and the body as text.
// Nothing in it is trusted; error bodies may hold secrets, so no text of it ever becomes part of a message.

/** The whole body, decoded as UTF-8 (malformed bytes replaced), at most `answerBytesMax` long. */
export interface VaultAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly bodyText: string;
}

interface AnswerHeaders {
  readonly date: string | null;
  readonly retryAfter: string | null;
  readonly location: string | null;
}

/** Vault stores no entry above 1 MiB (integrated storage); more is not an answer for us. Bytes. */
export const answerBytesMax = 1_048_576;

/** The body as JSON, or undefined when it is none. */
export function parseBody(answer: VaultAnswer): unknown {
  try {
    return JSON.parse(answer.bodyText) as unknown;
  } catch {
    return undefined;
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The strings of `errors`, the one field every refusal of Vault has. For recognising fixed phrases, never for quoting. */
export function errorTexts(body: unknown): readonly string[] {
  return isObject(body) ? strings(body['errors']) : [];
}

/** The strings of `warnings`. For recognising fixed phrases, never for quoting. */
export function warningTexts(body: unknown): readonly string[] {
  return isObject(body) ? strings(body['warnings']) : [];
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value)
    ? value.filter((entry): entry is string => typeof entry === 'string')
    : [];
}
