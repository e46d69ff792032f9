// `keytender request METHOD PATH`: one request to an agent's API, by socket or signed; the answer's signature is verified.
// The body goes to standard output as it came, what is to be said to standard error. Exit code 0 for a 2xx, else 1.
import { AgentApi } from '../../client/agent-api.js';
import type { ApiAnswer } from '../../client/agent-api.js';
import type { Credential } from '../../client/credential.js';
import type { FieldPair } from '../../client/exchange.js';
import { KeytenderError } from '../../client/keytender-error.js';
import { exitCode, type ExitCode } from '../exit-code.js';
import { FailedError } from '../failed-error.js';
import type { Io } from '../io.js';
import type { SettingsOptions } from '../settings.js';
import { UsageError } from '../usage-error.js';
import { bodyOf, type Stdin } from './body.js';
import { credentialOf, endpointOf, type Who } from './place.js';

export interface RequestOptions extends Who {
  readonly data?: string;
  readonly header: readonly string[];
}

/** Throws `UsageError`, `FailedError`. `stdin` is read for `-d @-` alone. */
export async function request(
  words: { readonly method: string; readonly path: string },
  options: RequestOptions,
  settings: SettingsOptions,
  io: Io,
  stdin: Stdin = process.stdin,
): Promise<ExitCode> {
  const method = methodOf(words.method);
  const target = targetOf(words.path);
  const headers = options.header.map(fieldOf);
  const { endpoint, credential } = await asUsage(async () => ({
    credential: credentialOf(options),
    endpoint: await endpointOf(options, settings, io),
  }));
  if (endpoint === null) return exitCode.usage;
  if (endpoint.kind === 'socket' && credential !== null) {
    throw new UsageError('by socket nothing is signed: leave the key away, or name --url');
  }
  const body = options.data === undefined ? undefined : await bodyOf(options.data, stdin);
  io.signals.release();
  const clocks = { foreground: io.clock, background: io.clock };
  const api = new AgentApi({ endpoint, credential, clocks });
  try {
    const answer = await api.send({
      method,
      target,
      headers: withType(headers, body),
      ...(body === undefined ? {} : { body }),
    });
    return print(answer, credential, io);
  } catch (error) {
    if (!(error instanceof KeytenderError)) throw error;
    throw new FailedError(sentenceFor(error));
  } finally {
    api.close();
  }
}

function print(answer: ApiAnswer, credential: Credential | null, io: Io): ExitCode {
  const { status, body, isTrusted } = answer;
  const text = body.toString('utf8');
  if (text !== '') io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  if (status >= 200 && status < 300) return exitCode.done;
  io.stderr.write(
    `keytender: the agent answered ${status}${adviceFor(status, isTrusted, credential)}\n`,
  );
  return exitCode.failed;
}

function adviceFor(status: number, isTrusted: boolean, credential: Credential | null): string {
  if (status === 401 && credential === null) {
    return ': name --socket, --token-file, or --client with --key-file';
  }
  const unsigned = isTrusted ? '' : ', unsigned: the body is left out';
  if (status === 401) return `${unsigned}; is the key the right one, and the clock?`;
  if (status === 421) return `${unsigned}; use a name of listen.authorities in --url`;
  return unsigned;
}

function sentenceFor(error: KeytenderError): string {
  const code = error.cause instanceof Error && 'code' in error.cause ? error.cause.code : undefined;
  const advice: Readonly<Record<string, string>> = {
    ECONNREFUSED: ': nothing listens there: is the agent running?',
    ENOENT: ': there is no such socket: is the agent running?',
    EACCES: ': this user may not open it: check listen.socket_mode and listen.socket_group',
  };
  const more = typeof code === 'string' && error.code === 'agent_unreachable' ? advice[code] : '';
  return `${error.message}${more ?? ''}`;
}

/** What is wrong with a name, a path or an address was written wrong. */
async function asUsage<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof KeytenderError)) throw error;
    throw new UsageError(error.message);
  }
}

function methodOf(text: string): string {
  const method = text.toUpperCase();
  if (/^[A-Z]{1,16}$/.test(method) && method !== 'CONNECT') return method;
  throw new UsageError('METHOD must be one of HTTP, such as GET or POST');
}

function targetOf(text: string): string {
  if (/^\/[\x21\x22\x24-\x5b\x5d-\x7e]*$/.test(text)) return text;
  throw new UsageError('PATH must start with / and be percent-encoded, such as /v1/tokens/default');
}

function fieldOf(text: string): FieldPair {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)$/.exec(text);
  if (match === null) throw new UsageError("--header must look like 'Name: value'");
  return [match[1] ?? '', match[2] ?? ''];
}

function withType(headers: readonly FieldPair[], body: unknown): readonly FieldPair[] {
  const hasType = headers.some(([name]) => name.toLowerCase() === 'content-type');
  return body === undefined || hasType
    ? headers
    : [...headers, ['content-type', 'application/json']];
}
