import t from 'tap';
import { mountProbePath, policyPath, secretPath } from '../../src/vault/secret-path.js';

const location = { mount: 'secret', pathPrefix: 'keytender', deployment: 'default', path: 'token' };

t.test('a secret is read below data, with prefix and deployment', async (t) => {
  t.equal(secretPath(location), 'secret/data/keytender/default/token');
  t.equal(mountProbePath(location), 'sys/internal/ui/mounts/secret/keytender/default/token');
  t.equal(policyPath(location), 'secret/data/keytender/default/*');
});

t.test('a mount may have slashes and the prefix may be empty', async (t) => {
  const nested = { ...location, mount: 'team/kv', pathPrefix: '', path: 'a/b' };
  t.equal(secretPath(nested), 'team/kv/data/default/a/b');
  t.equal(policyPath(nested), 'team/kv/data/default/*');
});

t.test('what is not plain in a segment is encoded', async (t) => {
  const odd = { ...location, deployment: 'snö ☃?&#%x=1' };
  t.equal(secretPath(odd), 'secret/data/keytender/sn%C3%B6%20%E2%98%83%3F%26%23%25x%3D1/token');
});

for (const path of ['..', 'a/../b', '.', '', 'a//b', '/a', 'a/']) {
  t.test(`a path "${path}" that could be another secret is refused`, async (t) => {
    t.throws(() => secretPath({ ...location, path }), RangeError);
  });
}
