// Vault has an error of its own.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: '500',
  promise: 'an error of Vault costs no token',
  expect: { class: 'vault_error' },
  inject: answers(500),
});
