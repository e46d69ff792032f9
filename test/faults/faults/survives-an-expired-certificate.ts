// Vault presents a certificate that ended in 2020.
import { fault } from '../fault.js';
import { certificate } from '../scene.js';

export default fault({
  name: 'TLS, expired',
  promise: 'a certificate that expired costs no token, and is trusted by nobody',
  scene: { tls: true },
  // a read on a connection that was kept is reset, before the next one meets the certificate
  expect: { class: 'vault_tls', besides: ['vault_unreachable'] },
  inject({ proxy }) {
    proxy.present(certificate('../vault/tls/expired'));
    return () => {
      proxy.present();
    };
  },
});
