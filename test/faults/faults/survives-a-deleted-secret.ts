// An operator deletes the newest version, and undeletes it.
import { fault } from '../fault.js';
import { SECRET } from '../scene.js';

export default fault({
  name: 'secret deleted, undeleted',
  promise: 'a deleted version costs no running agent its token, and an undelete heals it',
  begins: 'unseen',
  expect: { class: 'secret_deleted' },
  async inject({ vault, newest }) {
    const versions = [await newest()];
    await vault.api('DELETE', `${vault.mount}/data/${SECRET}`);
    return async () => {
      await vault.api('POST', `${vault.mount}/undelete/${SECRET}`, { versions });
    };
  },
});
