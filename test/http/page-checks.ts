// What any served status page has to satisfy, wherever it came from: sources or the bundle.
import { createHash } from 'node:crypto';

/** The policy's directives by name. */
export function directivesOf(policy: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    policy.split('; ').map((directive) => {
      const [name = '', ...values] = directive.split(' ');
      return [name, values];
    }),
  );
}

/** The hashes of what stands in a document's elements of a name, as a policy writes them. Data blocks do not run. */
export function hashesOf(html: string, element: 'script' | 'style'): readonly string[] {
  const found = [...html.matchAll(new RegExp(`<${element}>([^]*?)</${element}>`, 'g'))];
  return found.map(
    ([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
  );
}
