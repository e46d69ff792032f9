// A standby that was restored from an old state answers with a version that was left already.
import { fault } from '../fault.js';
import { untilHeld } from '../injections.js';
import { SECRET } from '../scene.js';

export default fault({
  name: 'an older version from a lagging standby',
  promise: 'a version that was left does not come back',
  // who starts there takes what it sees, and the newer one later
  expect: { class: (moment) => (moment === 'first start' ? null : 'version_regressed') },
  async inject(scene, moment) {
    const { vault, proxy } = scene;
    const path = `/v1/${vault.mount}/data/${SECRET}`;
    const old = JSON.stringify(await vault.api('GET', path.slice(4)));
    const version = await scene.put('newer');
    if (moment !== 'first start') await untilHeld(scene, version);
    proxy.behaviour = async ({ request, response, pass }) => {
      if (request.url === path) response.end(old);
      else await pass();
    };
    return () => {
      proxy.behaviour = null;
    };
  },
});
