// Nothing listens where Vault was.
import { fault } from '../fault.js';

export default fault({
  name: 'refused',
  promise: 'a Vault that refuses connections costs no token',
  expect: { class: 'vault_unreachable' },
  async inject({ proxy }) {
    await proxy.refuse();
    return () => proxy.listen();
  },
});
