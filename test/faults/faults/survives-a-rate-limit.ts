// A quota is used up; quotas say nothing of when by default.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: '429',
  promise: 'a quota costs no token and is respected',
  expect: { class: 'vault_rate_limited' },
  inject: answers(429),
});
