// A 503 that does not say sealed.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: '503, other',
  promise: 'a Vault that is not available costs no token',
  expect: { class: 'vault_error' },
  inject: answers(503),
});
