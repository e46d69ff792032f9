// The Vault of a cluster: a dev Vault with TLS and a Kubernetes login for the pod's service account, whose API server is
// a pretend one that knows the tokens it has given out.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { devVault, type DevVault } from '../../src/dev-vault/index.js';
import { putToken } from '../fixtures/scene.js';

export interface ClusterVault extends AsyncDisposable {
  readonly vault: DevVault;
  /** A token of the service account `app` in the namespace `default`. */
  readonly mint: (audience: string) => string;
}

export interface ClusterVaultOptions {
  readonly address?: string;
  readonly tls: { readonly cert: string; readonly key: string };
}

export async function clusterVault(options: ClusterVaultOptions): Promise<ClusterVault> {
  const vault = await devVault({ ...options, rootToken: 'root' });
  const issued = new Map<string, string>();
  const apiServer = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { spec } = JSON.parse(Buffer.concat(chunks).toString()) as {
        spec: { token: string; audiences?: readonly string[] };
      };
      const audience = issued.get(spec.token);
      const authenticated =
        audience !== undefined && (spec.audiences ?? [audience]).includes(audience);
      const user = { username: 'system:serviceaccount:default:app', uid: '1', groups: [] };
      const status = authenticated
        ? { authenticated, user, audiences: [audience] }
        : { authenticated };
      response.writeHead(201, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', status }),
      );
    });
  });
  await new Promise<void>((resolve) => apiServer.listen(0, '127.0.0.1', resolve));
  const host = `http://127.0.0.1:${(apiServer.address() as AddressInfo).port}`;

  putToken(vault, 'token-1');
  vault.policy('keytender', readFileSync('deploy/vault/policy.hcl', 'utf8'));
  await enableLogin(vault, host, options.tls);
  return {
    vault,
    mint: (audience) => {
      const token = pretendToken(audience);
      issued.set(token, audience);
      return token;
    },
    async [Symbol.asyncDispose]() {
      apiServer.closeAllConnections();
      await new Promise((resolve) => apiServer.close(resolve));
      await vault.close();
    },
  };
}

/** The role that the manifests name, for the service account and the audience that they name. */
async function enableLogin(
  vault: DevVault,
  kubernetesHost: string,
  tls: ClusterVaultOptions['tls'],
): Promise<void> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  const write = async (path: string, body: object): Promise<void> => {
    const { statusCode, body: answer } = await request(`${vault.address}/v1/${path}`, {
      dispatcher,
      method: 'POST',
      headers: { 'X-Vault-Token': vault.rootToken },
      body: JSON.stringify(body),
    });
    if (statusCode >= 300) throw new Error(`${path}: ${statusCode} ${await answer.text()}`);
    await answer.dump();
  };
  await write('sys/auth/kubernetes', { type: 'kubernetes' });
  await write('auth/kubernetes/config', {
    kubernetes_host: kubernetesHost,
    kubernetes_ca_cert: tls.cert,
    disable_local_ca_jwt: true,
  });
  await write('auth/kubernetes/role/keytender', {
    bound_service_account_names: ['app'],
    bound_service_account_namespaces: ['default'],
    audience: 'vault',
    token_policies: ['keytender'],
    token_ttl: '1h',
  });
  await dispatcher.close();
}

function pretendToken(audience: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'https://kubernetes.default.svc',
    aud: [audience],
    sub: 'system:serviceaccount:default:app',
    exp: now + 3600,
    iat: now,
    jti: randomUUID(),
    'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'app', uid: '1' } },
  };
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;
}
