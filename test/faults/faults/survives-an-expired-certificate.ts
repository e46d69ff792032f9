// Vault presents a certificate that ended in 2020.
import { fault } from '../fault.js';
import { certificate } from '../scene.js';

export default fault({
  name: 'TLS, expired',
  promise: 'a certificate that expired costs no token, and is trusted by nobody',
  scene: { tls: true },
  expect: { class: 'vault_tls' },
  inject({ proxy }) {
    proxy.present(certificate('../vault/tls/expired'));
    return () => {
      proxy.present();
    };
  },
});
