// node-vault, with our transport in place of its own: it composes the request, we send it and keep the whole answer,
// because it drops headers and makes Vault's error texts (which can hold secrets) into messages. Everything that it
// would take from the environment (VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE, VAULT_PREFIX, VAULT_SKIP_VERIFY) is set
// here instead; its debug logger, which prints secrets, is silenced.
import nodeVault from 'node-vault';
import type { HttpRequest } from './http-connections.js';
import type { VaultAnswer } from './vault-answer.js';

export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** After `/v1/`, encoded. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** The Vault token, or null for a request that needs none. */
  readonly vaultToken: string | null;
  readonly namespace: string | null;
}

/** Sends what node-vault composed; rejects with whatever the transport rejects with. */
type SendRequest = (request: HttpRequest) => Promise<VaultAnswer>;

export interface NodeVaultRequests {
  request(request: VaultRequest, send: SendRequest): Promise<VaultAnswer>;
}

/** `basePath`: what stands before `/v1/` in the address, without a trailing slash; mostly empty. */
export function buildNodeVaultRequests(basePath: string): NodeVaultRequests {
  const client = nodeVault({
    debug: () => undefined,
    tv4: acceptEverything,
    'request-promise': { defaults: () => transport },
  });
  // set after it was made: an empty value given to it would be filled from the environment
  Object.assign(client, { endpoint: basePath, pathPrefix: '', token: '', namespace: '' });
  return {
    async request(request, send) {
      const exchange = new Exchange(send);
      try {
        await client.request({
          path: `/${request.path}`,
          method: request.method,
          headers: headersOf(request),
          ...(request.body === undefined ? {} : { json: request.body }),
          exchange,
        });
      } catch {
        // its error is a text of Vault's; the exchange knows what happened
      }
      return exchange.outcome();
    },
  };
}

/** In place of its validator: the options of its `request`, all that is called here, are typed. */
const acceptEverything = Object.assign(() => true, { validate: () => true });

interface TransportOptions {
  readonly uri: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly exchange: Exchange;
}

async function transport(options: TransportOptions): Promise<unknown> {
  const { uri, method, headers, json, exchange } = options;
  const body = json === undefined ? null : JSON.stringify(json);
  const status = await exchange.run({ method, path: uri, headers, body });
  return { statusCode: status, body: null, request: { path: uri } };
}

/** Carries one answer past node-vault, which would keep only a part of it. */
class Exchange {
  readonly #send: SendRequest;
  #outcome: Promise<VaultAnswer> = Promise.reject(new Error('node-vault sent nothing'));

  constructor(send: SendRequest) {
    this.#send = send;
    this.#outcome.catch(() => undefined);
  }

  async run(request: HttpRequest): Promise<number> {
    this.#outcome = this.#send(request);
    return (await this.#outcome).status;
  }

  outcome(): Promise<VaultAnswer> {
    return this.#outcome;
  }
}

function headersOf(request: VaultRequest): Record<string, string> {
  return {
    Accept: 'application/json',
    // a Vault proxy may require it (require_request_header), against forged requests
    'X-Vault-Request': 'true',
    ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(request.vaultToken === null ? {} : { 'X-Vault-Token': request.vaultToken }),
    ...(request.namespace === null ? {} : { 'X-Vault-Namespace': request.namespace }),
  };
}
