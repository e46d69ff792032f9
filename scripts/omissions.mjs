// What the bundle leaves out of its dependencies: parts that are loaded at start, cost time or memory, and are never
// used here. Each is replaced by something that throws a clear error when it is called after all.
import { createRequire } from 'node:module';

/** Module name → why it is never called. */
export const omissions = {};

export function omit(_root) {
  return { plugin: { name: 'omit', setup() {} }, unused: () => [] };
}
void createRequire;
