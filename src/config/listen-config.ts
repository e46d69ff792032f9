// The part of the settings that says where the agent listens. Refuses a listener that strangers could read on the way,
// and one that could be reached by any name (DNS rebinding) because it binds every interface.
import type { ListenAddress, ListenConfig } from './config.js';
import type { Findings } from './findings.js';
import type { Written } from './layer.js';
import { isLoopback, isWildcard } from './network.js';
import { checkPair } from './vault-config.js';

export function listenConfig(written: Written, findings: Findings): ListenConfig {
  const address = written.get('listen.address');
  const tlsCert = written.optional('listen.tls_cert');
  const listen: ListenConfig = {
    address,
    authorities: authorities(written, written.has('listen.tls_cert')),
    allowHttp: written.get('listen.allow_http'),
    probeAddress: written.optional('listen.probe_address'),
    sharedAddresses: written.value('listen.shared_addresses') ?? [],
    socket: written.optional('listen.socket'),
    socketMode: written.get('listen.socket_mode'),
    socketGroup: written.optional('listen.socket_group'),
    socketScopes: written.get('listen.socket_scopes'),
    tlsCert,
    tlsKey: written.optional('listen.tls_key'),
    tlsClientCa: written.optional('listen.tls_client_ca'),
    statusPage: written.get('listen.status_page'),
  };
  checkTls(written, listen, findings);
  checkWildcard(written, listen, findings);
  checkProbe(written, listen, findings);
  return listen;
}

/** Lower case already; the default port of the scheme is dropped (RFC 9421 §2.2.3). */
function authorities(written: Written, isTls: boolean): readonly string[] {
  const defaultPort = isTls ? ':443' : ':80';
  const all = written.value('listen.authorities') ?? [];
  const bare = all.map((one) =>
    one.endsWith(defaultPort) ? one.slice(0, -defaultPort.length) : one,
  );
  return [...new Set(bare)];
}

function checkTls(written: Written, listen: ListenConfig, findings: Findings): void {
  checkPair(written, 'listen.tls_cert', 'listen.tls_key', findings);
  if (written.has('listen.tls_client_ca') && !written.has('listen.tls_cert')) {
    findings.problem(
      written.name('listen.tls_client_ca'),
      'is set, but the listener has no TLS',
      'set listen.tls_cert and listen.tls_key too',
    );
  }
  if (written.isBroken('listen.address') || written.isBroken('listen.allow_http')) return;
  if (isLoopback(listen.address.host) || written.has('listen.tls_cert') || listen.allowHttp) return;
  findings.problem(
    written.name('listen.address'),
    'is not on loopback and has no TLS: whoever is on the way could read what callers get',
    'set listen.tls_cert and listen.tls_key, or listen.allow_http to true (values are then not served), or listen on 127.0.0.1',
  );
}

function checkWildcard(written: Written, listen: ListenConfig, findings: Findings): void {
  if (written.isBroken('listen.authorities') || !isWildcard(listen.address.host)) return;
  if (listen.authorities.length > 0) return;
  findings.problem(
    written.name('listen.address'),
    'binds every interface, but listen.authorities does not say by which names callers address it',
    'set listen.authorities, for instance app-0.example.com:8210',
  );
}

function checkProbe(
  written: Written,
  { address, probeAddress }: ListenConfig,
  findings: Findings,
): void {
  if (probeAddress === null || probeAddress.port === 0 || probeAddress.port !== address.port)
    return;
  if (written.isBroken('listen.address') || !overlap(address, probeAddress)) return;
  findings.problem(
    written.name('listen.probe_address'),
    `takes the port of ${written.name('listen.address')}`,
    'give it another port, for instance 8211',
  );
}

function overlap(a: ListenAddress, b: ListenAddress): boolean {
  return a.host === b.host || isWildcard(a.host) || isWildcard(b.host);
}
