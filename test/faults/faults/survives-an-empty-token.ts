// Somebody writes nothing.
import { fault } from '../fault.js';
import { writes } from '../injections.js';

export default fault({
  name: 'empty token',
  promise: 'a version with an empty token is passed over',
  begins: 'unseen',
  expect: { class: 'secret_malformed' },
  inject: writes({ token: '' }),
});
