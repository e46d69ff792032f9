// Vault is sealed.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: '503, sealed',
  promise: 'a sealed Vault costs no token and is named',
  expect: { class: 'vault_sealed' },
  inject: answers(503, { errors: ['Vault is sealed'] }),
});
