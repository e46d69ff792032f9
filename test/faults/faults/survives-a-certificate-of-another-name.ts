// Vault presents a certificate for another name.
import { fault } from '../fault.js';
import { certificate } from '../scene.js';

export default fault({
  name: 'TLS, wrong name',
  promise: 'a certificate for another name costs no token, and is trusted by nobody',
  scene: { tls: true },
  // a read on a connection that was kept is reset, before the next one meets the certificate
  expect: { class: 'vault_tls', besides: ['vault_unreachable'] },
  inject({ proxy }) {
    proxy.present(certificate('../vault/tls/other'));
    return () => {
      proxy.present();
    };
  },
});
