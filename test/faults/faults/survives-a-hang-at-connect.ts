// Connections are accepted by the kernel, and nobody ever reads from them.
import { fault } from '../fault.js';

export default fault({
  name: 'hang at connect',
  promise: 'a connection that nobody serves ends by the timeout and costs no token',
  // what was open is reset first, and for a moment nobody listens
  expect: { class: 'vault_timeout', besides: ['vault_unreachable'] },
  inject: ({ proxy }) => proxy.takeNothing(),
});
