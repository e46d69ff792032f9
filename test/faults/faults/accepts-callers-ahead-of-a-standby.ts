// A standby shows every version 100 ms late; a caller has the newest at once.
import { fault } from '../fault.js';
import { behindBy } from '../injections.js';

export default fault({
  name: 'standby 100 ms behind',
  promise: 'who signs with the newest token is not refused by an agent behind a slow standby',
  scene: { isPatient: true },
  callersHold: 'newest',
  // inside the grace the agent may hold what the standby, behind from now on, does not show yet
  expect: { class: null, besides: ['version_regressed'] },
  async inject(scene, moment) {
    scene.proxy.behaviour = behindBy(100);
    if (moment !== 'during a rotation') await scene.put('newer');
    return () => {
      scene.proxy.behaviour = null;
    };
  },
});
