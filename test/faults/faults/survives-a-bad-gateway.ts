// A load balancer finds no Vault.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: '502',
  promise: 'a gateway without a Vault behind it costs no token',
  expect: { class: 'vault_error' },
  inject: answers(502, '<html>bad gateway</html>'),
});
