// Vault presents a certificate for another name.
import { fault } from '../fault.js';
import { certificate } from '../scene.js';

export default fault({
  name: 'TLS, wrong name',
  promise: 'a certificate for another name costs no token, and is trusted by nobody',
  scene: { tls: true },
  expect: { class: 'vault_tls' },
  inject({ proxy }) {
    proxy.present(certificate('../vault/tls/other'));
    return () => {
      proxy.present();
    };
  },
});
