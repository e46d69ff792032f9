// The files of the status page as text. Run from sources they are read from beside this file; the bundle carries them,
// smaller (scripts/status-page-assets.mjs puts them in this module's place).
import { readFileSync } from 'node:fs';

export interface Assets {
  readonly html: string;
  /** Only in the page of `keytender dev`. */
  readonly dev: string;
  readonly style: string;
  /** view.js, then page.js, which uses it. */
  readonly script: string;
}

export function readAssets(): Assets {
  const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
  return {
    html: read('page.html'),
    dev: read('dev.html'),
    style: read('page.css'),
    script: read('view.js') + read('page.js'),
  };
}
