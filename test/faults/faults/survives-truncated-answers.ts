// A body shorter than announced.
import { fault } from '../fault.js';
import { behaves } from '../injections.js';

export default fault({
  name: 'truncated',
  promise: 'an answer that is cut short costs no token',
  expect: { class: 'vault_unreachable' },
  inject: behaves(({ response }) => {
    response.writeHead(200, { 'Content-Length': '1000' }).write('{"data":{"da');
    response.socket?.end();
  }),
});
