// An operator moves the mount to another path, and back.
import { fault } from '../fault.js';
import { pause } from '../../fixtures/agent-process.js';
import type { Scene } from '../scene.js';

export default fault({
  name: 'mount moved',
  promise: 'a mount that moved costs no token, and heals when it is back',
  begins: 'unseen',
  expect: { class: 'secret_absent' },
  async inject(scene) {
    const { mount } = scene.vault;
    await move(scene, mount, `${mount}-moved`);
    return () => move(scene, `${mount}-moved`, mount);
  },
});

/** A real server moves it behind the back of who asked. */
async function move({ vault }: Scene, from: string, to: string): Promise<void> {
  await vault.api('POST', 'sys/remount', { from, to });
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await vault.api('GET', `sys/mounts/${to}/tune`).catch(() => null);
    if (found !== null) return;
    await pause(20);
  }
  throw new Error(`${from} did not move`);
}
