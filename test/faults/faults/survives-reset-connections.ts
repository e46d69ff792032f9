// Every connection is reset as soon as something was asked.
import { fault } from '../fault.js';
import { behaves } from '../injections.js';

export default fault({
  name: 'reset',
  promise: 'connections that are reset cost no token',
  expect: { class: 'vault_unreachable' },
  inject: behaves(({ request }) => {
    request.socket.resetAndDestroy();
  }),
});
