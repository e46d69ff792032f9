// The least that Node.js can answer with: what everything is compared with.
'use strict';
require('node:http')
  .createServer((_request, response) => response.end('hello'))
  .listen(Number(process.env.PORT), '127.0.0.1');
