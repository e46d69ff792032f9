import t from 'tap';
import { buildAddresses } from '../../src/vault/addresses.js';

const one = 'https://vault-1.example:8200';
const two = 'https://vault-2.example/base';

t.test('the address that works is asked again', async (t) => {
  const addresses = buildAddresses([one, two]);
  addresses.failed(one, 'vault_forbidden');
  addresses.failed(one, 'secret_absent');
  t.equal(addresses.current(), one);
});

t.test('an address that cannot serve is left, in order and round', async (t) => {
  const addresses = buildAddresses([one, two]);
  addresses.failed(one, 'vault_sealed');
  t.equal(addresses.current(), two);
  addresses.failed(two, 'vault_unreachable');
  t.equal(addresses.current(), one);
});

t.test('a late failure of an address that was left already moves nothing', async (t) => {
  const addresses = buildAddresses([one, two]);
  addresses.failed(one, 'vault_timeout');
  addresses.failed(one, 'vault_timeout');
  t.equal(addresses.current(), two);
});

t.test('a visit is for one read, and not made where a read has just failed', async (t) => {
  const addresses = buildAddresses([one, two]);
  addresses.visit(two);
  t.same([addresses.forRead(), addresses.forRead()], [two, one]);
  addresses.visit(two);
  addresses.failed(two, 'secret_absent');
  t.equal(addresses.forRead(), two, 'that was no fault of the node');
  addresses.visit(two);
  addresses.failed(two, 'vault_error');
  t.equal(addresses.forRead(), one);
});

t.test('a redirect is followed to a configured address only', async (t) => {
  const addresses = buildAddresses([one, two]);
  t.ok(addresses.redirected(one, 'https://vault-2.example/base/v1/secret/data/x'));
  t.equal(addresses.current(), two);
  for (const location of [
    null,
    '',
    'https://elsewhere.example/v1/secret/data/x',
    'http://vault-1.example:8200/v1/x',
    'https://vault-1.example:8201/v1/x',
    'https://vault-2.example/v1/x',
    'https://vault-1.example:8200@elsewhere.example/v1/x',
    'http://[',
  ]) {
    t.notOk(addresses.redirected(two, location), String(location));
    t.equal(addresses.current(), two);
  }
});
