// Requests are read and never answered.
import { fault } from '../fault.js';
import { behaves } from '../injections.js';

export default fault({
  name: 'hang before headers',
  promise: 'a request that is never answered ends by the timeout and costs no token',
  expect: { class: 'vault_timeout' },
  inject: behaves(() => undefined),
});
