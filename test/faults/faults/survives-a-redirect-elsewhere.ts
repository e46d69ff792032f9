// A standby sends the agent to an address that is not configured.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: '307 elsewhere',
  promise: 'a redirect to an address that nobody configured is not followed',
  expect: { class: 'vault_standby' },
  inject: answers(307, '', { Location: 'http://127.0.0.1:9/v1/x' }),
});
