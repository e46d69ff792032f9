// A quota is used up, and says when to come again.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: '429 with Retry-After',
  promise: 'a quota that says when is waited for',
  expect: { class: 'vault_rate_limited' },
  inject: answers(429, { errors: [] }, { 'Retry-After': '1' }),
});
