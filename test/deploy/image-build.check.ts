// The build stage of the image with packages from the registry, as its `npm ci` has them: without install scripts, on nothing
// but the files that the Dockerfile copies. Started by `npm run check:deploy`; the only check here that needs a network.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { assembleImage } from './image-tree.js';

t.test('the bundle is built from what is copied, and is the one of this checkout', async (t) => {
  using image = assembleImage({ files: { '/usr/bin/tini-static': null }, isInstalling: true });
  const program = join(image.path, 'app/keytender.cjs');
  const said = execFileSync('env', ['-u', 'NODE_OPTIONS', process.execPath, program, '--version']);
  t.match(said.toString(), image.config.labels['org.opencontainers.image.version']);
  t.equal(readFileSync(program, 'utf8'), readFileSync('dist/keytender.cjs', 'utf8'));
});
