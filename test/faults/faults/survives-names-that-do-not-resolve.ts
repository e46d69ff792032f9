// The name of the address is gone from the DNS; a connection that was open is lost with it.
import { fault } from '../fault.js';

export default fault({
  name: 'DNS failure',
  promise: 'a name that does not resolve costs no token, and is asked for again',
  scene: { isSpoilt: true },
  expect: { class: 'vault_unreachable' },
  async inject({ proxy, spoiler }) {
    await spoiler.spoil({ areNamesGone: true });
    proxy.dropAll();
    return () => spoiler.spoil({});
  },
});
