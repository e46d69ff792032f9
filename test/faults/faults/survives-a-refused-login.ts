// The login has ended, and the credential for another one is no longer accepted.
import { fault } from '../fault.js';

export default fault({
  name: 'login refused',
  promise: 'a refused login costs no token, and is tried again with a backoff',
  expect: { class: 'vault_login_failed' },
  async inject(scene) {
    const { proxy } = scene;
    proxy.behaviour = async ({ request, response, pass }) => {
      if (!/\/login$/.test(request.url ?? '')) await pass();
      else response.writeHead(400).end('{"errors":["invalid role or secret ID"]}');
    };
    await scene.revokeLogins();
    return () => {
      proxy.behaviour = null;
    };
  },
});
