// No secret at the path, or its last version was pruned.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: '404',
  promise: 'a secret that is not there any more costs no token',
  expect: { class: 'secret_absent' },
  inject: answers(404),
});
