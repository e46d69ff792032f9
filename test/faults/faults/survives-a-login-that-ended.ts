// The login has expired or was revoked: Vault denies it what it may, and does not say why.
import { pause } from '../../fixtures/agent-process.js';
import type { Behaviour } from '../fault-proxy.js';
import { fault } from '../fault.js';
import { isSecret } from '../injections.js';
import { healsWithinMs } from '../limits.js';

export default fault({
  name: 'login ended',
  promise: 'a dead login is replaced at once, by one new login',
  // a login of the last 10 s is not doubted: a standby may not know it yet; and
  // who reads first finds out: often that is the document of named clients, and the token notices nothing
  expect: { class: null, besides: ['vault_forbidden'], healsWithinMs: 10_000 + healsWithinMs() },
  async inject(scene, moment) {
    const { proxy } = scene;
    if (moment === 'first start') {
      proxy.behaviour = onceBeforeARead(scene.revokeLogins);
    } else {
      const logins = proxy.logins.length;
      await scene.revokeLogins();
      while (proxy.logins.length === logins) await pause(20);
    }
    return () => {
      proxy.behaviour = null;
    };
  },
});

function onceBeforeARead(act: () => Promise<void>): Behaviour {
  let isDone = false;
  return async (exchange) => {
    if (isSecret(exchange) && !isDone) {
      isDone = true;
      await act();
    }
    await exchange.pass();
  };
}
