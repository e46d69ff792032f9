// The status page as one document and the headers it goes out with. Script and style stand in it and are allowed by
// their hashes (CSP level 3, section 8.4), so nothing that is not of this build can run in it. It holds no secret and
// no state: all it shows it asks `/health` for.
import { createHash } from 'node:crypto';
import { adviceByClass, adviceForSinks, unexplained, whyUnusable } from '../../health/advice.js';
import { readAssets } from './assets.js';

export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** `hasButton`: with the button of `keytender dev` that writes a new version. */
export function buildPage(hasButton: boolean): Page {
  const { html, dev, style, script } = readAssets();
  const advice = dataBlock({
    byClass: adviceByClass,
    unusable: whyUnusable,
    sinks: adviceForSinks,
    otherwise: unexplained,
  });
  const parts: Readonly<Record<string, string>> = {
    style: `<style>${style}</style>`,
    dev: hasButton ? dev : '',
    scripts: `<script type="application/json" id="advice">${advice}</script><script>${script}</script>`,
  };
  return {
    html: html.replace(/<!-- ([a-z]+) -->/g, (_all, name: string) => parts[name] ?? ''),
    headers: {
      'content-security-policy': policyOf(style, script),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    },
  };
}

/** JSON that no HTML parser takes for the end of its element. */
function dataBlock(value: object): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

function policyOf(style: string, script: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    // the dot in the tab
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
