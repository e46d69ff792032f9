// The files of the status page in the bundle: src/http/status-page/assets.ts reads them from beside itself, which one
// file cannot, so the bundle gets them as strings, without comments and white space.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transform } from 'esbuild';

/** A script is one function: so its own names may be short too. */
async function smaller(text, loader) {
  const { code } = await transform(text, {
    loader,
    minify: true,
    ...(loader === 'js' ? { format: 'iife' } : {}),
    legalComments: 'none',
    charset: 'utf8',
  });
  return code.trim();
}

/** Indentation only: what is between two words stays. */
function outdent(html) {
  return html.replaceAll(/\n\s+/g, '\n').trim();
}

/** The esbuild plugin. */
export function statusPageAssets() {
  return {
    name: 'status-page-assets',
    setup(build) {
      build.onLoad({ filter: /[\\/]status-page[\\/]assets\.ts$/ }, async ({ path }) => {
        const read = (name) => readFile(join(path, '..', name), 'utf8');
        const assets = {
          html: outdent(await read('page.html')),
          dev: outdent(await read('dev.html')),
          style: await smaller(await read('page.css'), 'css'),
          script: await smaller((await read('view.js')) + (await read('page.js')), 'js'),
        };
        return {
          contents: `export const readAssets = () => (${JSON.stringify(assets)});`,
          loader: 'js',
        };
      });
    },
  };
}
