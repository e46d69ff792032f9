// Destroying is the operator's kill switch: for what was held. What nobody has read yet takes nothing away.
import { fault } from '../fault.js';
import { SECRET } from '../scene.js';

export default fault({
  name: 'secret destroyed',
  promise: 'a destroyed version is revoked at once and for good, until a new one is written',
  begins: 'unseen',
  expect: {
    class: 'secret_destroyed',
    token: (moment) => (moment === 'during a rotation' ? 'kept' : 'revoked'),
  },
  async inject(scene) {
    const { vault, newest } = scene;
    const versions = [await newest()];
    await vault.api('PUT', `${vault.mount}/destroy/${SECRET}`, { versions });
    return async () => {
      await scene.put('after-the-destroy');
    };
  },
});
