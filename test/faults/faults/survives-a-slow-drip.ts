// A byte now and then: no single wait is long, the whole never ends.
import { fault } from '../fault.js';
import { behaves } from '../injections.js';

export default fault({
  name: 'slow drip',
  promise: 'an answer that drips ends by the timeout and costs no token',
  expect: { class: 'vault_timeout' },
  inject: behaves(({ response }) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('x'), 50).unref();
    response.on('close', () => {
      clearInterval(timer);
    });
  }),
});
