// All versions are taken away, and the secret is written anew: it begins at version 1 again.
import { fault } from '../fault.js';
import { SECRET } from '../scene.js';

export default fault({
  name: 'metadata deleted, re-created',
  promise:
    'a secret that is gone costs no token, and a new one in its place is taken although its number is lower',
  begins: 'unseen',
  recreates: true,
  expect: { class: 'secret_absent' },
  async inject(scene) {
    const { vault } = scene;
    await vault.api('DELETE', `${vault.mount}/metadata/${SECRET}`);
    return async () => {
      await scene.put('re-created');
    };
  },
});
