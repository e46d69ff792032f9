// The pool alone: undici's index also loads fetch, caches, mocks and WebSockets, twice the bytes and three times the
// start time (docs/dependencies.md). The version is pinned, and a test sends real requests through it.
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';
  export default Pool;
}

declare module 'undici/lib/core/connect.js' {
  import { buildConnector } from 'undici';
  export default buildConnector;
}
