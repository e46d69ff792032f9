// What the image starts: keytender.cjs with the code cache that the image build made beside it (warm.cjs). A cache of
// another version of Node, of another user or with other flags is not taken, and the program is compiled as ever.
// Without the folder nothing is read, and nothing is ever written but by who may write into the program's own folder.
'use strict';
const { existsSync } = require('node:fs');
const { enableCompileCache } = require('node:module');

const cache = `${__dirname}/compile-cache`;
if (existsSync(cache)) enableCompileCache?.(cache);
require('./keytender.cjs');
