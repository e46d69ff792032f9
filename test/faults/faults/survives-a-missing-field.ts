// Somebody misspells the field.
import { fault } from '../fault.js';
import { writes } from '../injections.js';

export default fault({
  name: 'field missing',
  promise: 'a version without the field is passed over',
  begins: 'unseen',
  expect: { class: 'secret_malformed' },
  inject: writes({ tokn: 'x'.repeat(32) }),
});
