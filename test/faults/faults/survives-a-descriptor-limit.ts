// Every file descriptor is in use: no connection can be opened any more. Those that are open go on.
import { fault } from '../fault.js';
import { canLimit, limit, openFilesLimit } from '../process-limits.js';

export default fault({
  name: 'file descriptor limit reached',
  promise: 'a process that can open nothing any more keeps its token and heals',
  begins: 'starting',
  isPossible: canLimit,
  callersHold: 'none',
  expect: { class: 'vault_unreachable' },
  inject({ agent, proxy }) {
    const before = openFilesLimit(agent.pid);
    limit(agent.pid, 'nofile', 3);
    proxy.dropAll();
    return () => {
      limit(agent.pid, 'nofile', before);
    };
  },
});
