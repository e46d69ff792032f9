// A standby shows every version 2 s late; a caller has the newest at once.
import { fault } from '../fault.js';
import { behindBy } from '../injections.js';

export default fault({
  name: 'standby 2 s behind',
  promise: 'who signs with the newest token is not refused by an agent behind a slow standby',
  scene: { isPatient: true },
  callersHold: 'newest',
  // inside the grace the agent may hold what the standby, behind from now on, does not show yet
  expect: { class: null, besides: ['version_regressed'] },
  async inject(scene, moment) {
    scene.proxy.behaviour = behindBy(2000);
    if (moment !== 'during a rotation') await scene.put('newer');
    return () => {
      scene.proxy.behaviour = null;
    };
  },
});
