import t from 'tap';
import { probeTarget } from '../../../src/cli/healthcheck/target.js';

t.test(
  'the address comes from --url, the probe address, the address, the default, in this order',
  async (t) => {
    const env = {
      KEYTENDER_LISTEN_PROBE_ADDRESS: '127.0.0.1:2',
      KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:3',
    };
    t.equal(probeTarget('http://127.0.0.1:1', env).port, 1);
    t.equal(probeTarget(undefined, env).port, 2);
    t.equal(probeTarget(undefined, { ...env, KEYTENDER_LISTEN_PROBE_ADDRESS: '' }).port, 3);
    t.equal(probeTarget(undefined, {}).port, 8210);
  },
);

t.test('an address that binds everything is asked on loopback', async (t) => {
  const hosts = (address: string): readonly string[] =>
    probeTarget(undefined, { KEYTENDER_LISTEN_PROBE_ADDRESS: address }).hosts;
  t.same(hosts('0.0.0.0:8211'), ['127.0.0.1']);
  t.same(hosts('[::]:8211'), ['127.0.0.1', '::1']);
  t.same(hosts('[0:0:0:0:0:0:0:0]:8211'), ['127.0.0.1', '::1']);
  t.same(hosts('[::1]:8211'), ['::1']);
  t.same(hosts('10.1.2.3:8211'), ['10.1.2.3']);
  t.same(hosts('localhost:8211'), ['localhost']);
  t.same(probeTarget('http://[::]:1', {}).hosts, ['127.0.0.1', '::1']);
  t.same(probeTarget('http://0.0.0.0:1', {}).hosts, ['127.0.0.1']);
});

t.test('the Host header is what the agent answers to', async (t) => {
  const authority = (env: Record<string, string>): string => probeTarget(undefined, env).authority;
  t.equal(authority({ KEYTENDER_LISTEN_ADDRESS: '[::1]:9' }), '[::1]:9');
  t.equal(
    authority({ KEYTENDER_LISTEN_ADDRESS: '0.0.0.0:9', KEYTENDER_LISTEN_AUTHORITIES: 'app:9, b' }),
    'app:9',
  );
  t.equal(
    authority({ KEYTENDER_LISTEN_PROBE_ADDRESS: '[::]:9', KEYTENDER_LISTEN_AUTHORITIES: 'app:9' }),
    '127.0.0.1:9',
    'the probe listener answers to any name',
  );
  t.equal(probeTarget('http://app.example', {}).authority, 'app.example');
});

t.test('a path in --url is asked for as it is', async (t) => {
  t.equal(probeTarget('http://127.0.0.1:1/', {}).path, null);
  t.equal(probeTarget('http://127.0.0.1:1/livez', {}).path, '/livez');
});

t.test('https has its own default port', async (t) => {
  t.match(probeTarget('https://app.example', {}), { port: 443, tls: true });
  t.match(probeTarget('http://app.example', {}), { port: 80, tls: false });
});

for (const url of ['', '127.0.0.1:8210', 'localhost:8210', 'ftp://x', 'http://', 'unix:/run/x']) {
  t.test(`--url '${url}' is refused`, async (t) => {
    t.throws(() => probeTarget(url, {}), { name: 'UsageError', message: /http:\/\/127\.0\.0\.1/ });
  });
}

for (const address of [
  '8210',
  ':8210',
  '127.0.0.1',
  '127.0.0.1:0',
  '127.0.0.1:65536',
  '::1:8210',
  'http://x:1',
]) {
  t.test(`the address '${address}' is refused, by its name`, async (t) => {
    t.throws(() => probeTarget(undefined, { KEYTENDER_LISTEN_ADDRESS: address }), {
      name: 'UsageError',
      message: /KEYTENDER_LISTEN_ADDRESS/,
    });
  });
}
