// Vault calls the request bad.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: '400',
  promise: 'a request that Vault calls bad costs no token',
  expect: { class: 'vault_refused' },
  inject: answers(400),
});
