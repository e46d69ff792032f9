// Somebody writes a number.
import { fault } from '../fault.js';
import { writes } from '../injections.js';

export default fault({
  name: 'wrong type',
  promise: 'a version whose token is no text is passed over',
  begins: 'unseen',
  expect: { class: 'secret_malformed' },
  inject: writes({ token: 12 }),
});
