// What the agent answers, read: JSON as `unknown`, or a refusal as a `KeytenderError` with the agent's own code
// (docs/api.md). Nothing of a body gets into a message.
import { retryAfterOf, type AgentApi, type ApiAnswer, type ApiRequest } from './agent-api.js';
import { KeytenderError } from './keytender-error.js';

export type Members = Readonly<Record<string, unknown>>;

/** Of an answer that is not trusted, by its status alone. */
const untrustedCodes: Readonly<Record<number, string>> = {
  401: 'unauthenticated',
  408: 'request_timeout',
  421: 'misdirected_request',
  429: 'rate_limited',
  503: 'agent_unavailable',
};

/**
 * The JSON object of a 200; undefined of a 204.
 * @throws KeytenderError as `AgentApi.send`, the agent's own codes, `malformed_answer`
 */
export async function ask(api: AgentApi, request: ApiRequest): Promise<Members | undefined> {
  const answer = await api.send(request);
  if (answer.status === 204) return undefined;
  if (answer.status !== 200) throw refusalOf(answer);
  const body = membersOf(answer.body);
  if (body === undefined) throw malformedAnswer(answer.status);
  return body;
}

/** A JSON body to be sent. */
export function json(value: object): Pick<ApiRequest, 'headers' | 'body'> {
  return {
    headers: [['content-type', 'application/json']],
    body: Buffer.from(JSON.stringify(value)),
  };
}

export function refusalOf(answer: ApiAnswer): KeytenderError {
  const { status, isTrusted } = answer;
  const said = isTrusted ? membersOf(answer.body)?.['code'] : untrustedCodes[status];
  const code = typeof said === 'string' && /^[a-z_]{1,64}$/.test(said) ? said : 'malformed_answer';
  const retryAfter = retryAfterOf(answer);
  return new KeytenderError(code, `the agent answered ${status}: ${code}`, {
    status,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

export function malformedAnswer(status = 200): KeytenderError {
  return new KeytenderError('malformed_answer', 'the agent answered what no agent answers', {
    status,
  });
}

function membersOf(body: Buffer): Members | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isMembers(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
