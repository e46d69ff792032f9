// What goes out: a status, headers, a body. Here a handler's result becomes the envelope that Vault's clients expect.
import { randomUUID } from 'node:crypto';
import { encodeJson, encodeString, isJsonObject, RawJson, type Json } from '../json-text.js';
import type { Operation } from '../policy/acl.js';
import { isRefusal, type Refusal, type Reply, type Result } from '../result.js';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function refusalAnswer({ refusedWith, errors, data }: Refusal): Answer {
  const list = `[${errors.map(encodeString).join(',')}]`;
  const tail = data === undefined ? '' : `,"data":${encodeJson(data)}`;
  return { status: refusedWith, body: `{"errors":${list}${tail}}\n` };
}

const notFound: Answer = { status: 404, body: '{"errors":[]}\n' };
const noContent: Answer = { status: 204, body: '' };

/** The answer to an operation; nothing at all is 404 to a read or list, 204 to the rest. */
export function answerOf(operation: Operation, result: Result): Answer {
  if (result === undefined) {
    return ['read', 'list', 'header'].includes(operation) ? notFound : noContent;
  }
  if (isRefusal(result)) return refusalAnswer(result);
  const status = result.status ?? 200;
  if (result.bare !== undefined) {
    return { status, body: result.bare === null ? '' : `${encodeJson(result.bare)}\n` };
  }
  return { status, body: `${envelope(result)}\n` };
}

function envelope(reply: Reply): string {
  const data = dataText(reply.data ?? null);
  const top = reply.alsoAtTop === true && data.length > 2 ? `${data.slice(1, -1)},` : '';
  const id = reply.wrapInfo === undefined ? randomUUID() : '';
  const warnings = (reply.warnings?.length ?? 0) === 0 ? 'null' : JSON.stringify(reply.warnings);
  return (
    `{${top}"request_id":"${id}","lease_id":"","renewable":false,` +
    `"lease_duration":${reply.leaseSeconds ?? 0},"data":${data},` +
    `"wrap_info":${reply.wrapInfo?.text ?? 'null'},"warnings":${warnings},` +
    `"auth":${reply.auth?.text ?? 'null'}}`
  );
}

function dataText(data: Json): string {
  if (data instanceof RawJson) return data.text;
  return isJsonObject(data) ? encodeJson(data) : 'null';
}
