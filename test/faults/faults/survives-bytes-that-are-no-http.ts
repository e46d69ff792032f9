// What answers on the port speaks something else.
import { fault } from '../fault.js';
import { behaves } from '../injections.js';

export default fault({
  name: 'bytes that are no HTTP',
  promise: 'something else on the port costs no token',
  expect: { class: 'vault_unreachable' },
  inject: behaves(({ request }) => {
    request.socket.end('\u0000\u0001garbage\r\n\r\n');
  }),
});
