// Vault presents a certificate for the right name, of an authority that nobody told the agent of.
import { fault } from '../fault.js';
import { certificate } from '../scene.js';

export default fault({
  name: 'TLS, wrong CA',
  promise: 'a certificate of an unknown authority costs no token, and is trusted by nobody',
  scene: { tls: true },
  // a read on a connection that was kept is reset, before the next one meets the certificate
  expect: { class: 'vault_tls', besides: ['vault_unreachable'] },
  inject({ proxy }) {
    proxy.present(certificate('tls/stranger'));
    return () => {
      proxy.present();
    };
  },
});
