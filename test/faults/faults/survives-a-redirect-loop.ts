// A redirect to where the request came from.
import { fault } from '../fault.js';
import { behaves } from '../injections.js';

export default fault({
  name: '307 loop',
  promise: 'a redirect to itself is not followed round and round',
  expect: { class: 'vault_standby' },
  inject: behaves(({ request, response }) => {
    response.writeHead(307, { Location: request.url ?? '/' }).end();
  }),
});
