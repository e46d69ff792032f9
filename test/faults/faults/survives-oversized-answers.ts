// Two megabytes of white space.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: 'oversized',
  promise: 'an answer without end is given up and costs no token',
  expect: { class: 'vault_answer_too_large' },
  inject: answers(200, ' '.repeat(2_000_000)),
});
