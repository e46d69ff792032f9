// The policy no longer allows the read; the login lives.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: '403',
  promise: 'a policy that was taken away costs no token, and no storm of logins',
  expect: { class: 'vault_forbidden' },
  inject: answers(403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] }),
});
