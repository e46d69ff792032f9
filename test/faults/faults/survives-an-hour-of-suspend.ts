// The machine sleeps for an hour: the process stands still, wall clocks go on, the login of an hour has ended.
import { fault } from '../fault.js';
import { datedBy } from '../injections.js';

export default fault({
  name: 'suspended for an hour',
  promise: 'who slept for an hour is alive at once, and follows what happened meanwhile',
  scene: { isSpoilt: true },
  begins: 'starting',
  isMute: true,
  expect: { class: null },
  async inject(scene) {
    const { agent, proxy, spoiler } = scene;
    agent.kill('SIGSTOP');
    await spoiler.spoil({ clockMs: 3_600_000 });
    proxy.behaviour = datedBy(3_600_000);
    scene.vaultClockMs = 3_600_000;
    await scene.revokeLogins();
    return async () => {
      agent.kill('SIGCONT');
      const { status } = await agent.get('/livez');
      if (status !== 200) throw new Error(`/livez is ${status} after a suspend`);
    };
  },
});
