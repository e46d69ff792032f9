// The question to a Kubernetes API server: whose token is this? One POST, bounded in time and size.
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface Reviewer {
  readonly host: string;
  readonly caCert: string;
  /** Whose authority asks; empty: the token itself. */
  readonly reviewerJwt: string;
}

export interface Reviewed {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 1_048_576;

/** Whose it is; undefined when the server does not say, cannot be asked, or says it is nobody's. */
export async function reviewToken(
  reviewer: Reviewer,
  jwt: string,
  audiences: readonly string[],
): Promise<Reviewed | undefined> {
  try {
    return readReview(await post(reviewer, jwt, reviewBody(jwt, audiences)), audiences);
  } catch {
    return undefined;
  }
}

function reviewBody(jwt: string, audiences: readonly string[]): string {
  return JSON.stringify({
    kind: 'TokenReview',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: {},
    spec: { token: jwt, ...(audiences.length === 0 ? {} : { audiences }) },
    status: { user: {} },
  });
}

function post(reviewer: Reviewer, jwt: string, body: string): Promise<string> {
  const url = new URL(
    `${reviewer.host.replace(/\/$/, '')}/apis/authentication.k8s.io/v1/tokenreviews`,
  );
  const options = {
    method: 'POST',
    timeout: TIMEOUT_MS,
    agent: false,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      authorization: `Bearer ${reviewer.reviewerJwt || jwt}`,
      'content-length': Buffer.byteLength(body),
    },
  };
  return new Promise((resolve, reject) => {
    const onAnswer = (answer: IncomingMessage): void => {
      readAll(answer).then(resolve, reject);
    };
    const outgoing =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, ca: reviewer.caCert }, onAnswer)
        : httpRequest(url, options, onAnswer);
    outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const status = answer.statusCode ?? 0;
  let text = '';
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    text += chunk.toString('utf8');
    if (text.length > ANSWER_BYTES_MAX) throw new Error('answer too long');
  }
  if (status < 200 || status > 206) throw new Error(`status ${status}`);
  return text;
}

interface ReviewAnswer {
  readonly status?: {
    readonly authenticated?: unknown;
    readonly error?: unknown;
    readonly audiences?: unknown;
    readonly user?: { readonly username?: unknown; readonly uid?: unknown };
  };
}

function readReview(text: string, wanted: readonly string[]): Reviewed | undefined {
  const { status } = JSON.parse(text) as ReviewAnswer;
  if (status?.authenticated !== true || (status.error ?? '') !== '') return undefined;
  const audiences = Array.isArray(status.audiences) ? status.audiences : [];
  if (wanted.length > 0 && !wanted.some((audience) => audiences.includes(audience)))
    return undefined;
  const parts = typeof status.user?.username === 'string' ? status.user.username.split(':') : [];
  if (parts.length !== 4 || parts[0] !== 'system' || parts[1] !== 'serviceaccount')
    return undefined;
  const uid = typeof status.user?.uid === 'string' ? status.user.uid : '';
  return { namespace: parts[2] ?? '', name: parts[3] ?? '', uid };
}
