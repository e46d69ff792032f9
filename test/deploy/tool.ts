// A program that `npm run check:deploy` has installed, run to its end.
import { execFileSync } from 'node:child_process';

/** What it wrote. Throws with its error output when it fails. */
export function tool(name: string, args: readonly string[], cwd = '.'): string {
  return execFileSync(name, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
