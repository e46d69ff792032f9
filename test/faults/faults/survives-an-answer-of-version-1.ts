// The mount is of KV version 1.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: 'KV v1 answer',
  promise: 'an answer without versions costs no token',
  expect: { class: 'secret_malformed' },
  inject: answers(200, { data: { token: 'x'.repeat(32) } }),
});
