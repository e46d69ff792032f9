// The kustomizations as kustomize builds them, against the reader that the tests without it use.
import { readdirSync } from 'node:fs';
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import { buildKustomization, type Manifest } from './kustomization.js';
import { tool } from './tool.js';

const overlays = readdirSync('deploy/kubernetes/overlays').map((name) => `overlays/${name}`);

const sorted = (manifests: readonly Manifest[]): Manifest[] =>
  manifests.toSorted((a, b) => a.kind.localeCompare(b.kind));

for (const overlay of ['base', ...overlays]) {
  t.test(`${overlay}: kustomize and the reader of these tests agree`, async (t) => {
    const path = `deploy/kubernetes/${overlay}`;
    const text = tool('kustomize', ['build', path]);
    const built = parseAllDocuments(text).map((it) => it.toJS() as Manifest);
    t.same(sorted(buildKustomization(path)), sorted(built));
  });
}
