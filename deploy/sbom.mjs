// The bill of materials of the image, from npm's of the lock file: without the packages that are for development.
// `npm sbom --omit=dev` leaves out too much: also what is for development by one way and needed by another.
//
//   npm sbom --package-lock-only --sbom-type=application --sbom-format=cyclonedx | node deploy/sbom.mjs
import { readFileSync } from 'node:fs';

const bom = JSON.parse(readFileSync(0, 'utf8'));
const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'));

const components = bom.components.filter(
  ({ properties }) => !properties.some((it) => it.name === 'cdx:npm:package:development'),
);
const kept = new Set(components.map((component) => component['bom-ref']));
const root = bom.metadata.component['bom-ref'];
kept.add(root);
const dependencies = bom.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((it) => kept.has(it)) }));

// npm calls it by the folder it is in
const component = { ...bom.metadata.component, name, version, purl: `pkg:npm/${name}@${version}` };
const metadata = { ...bom.metadata, component };
process.stdout.write(
  `${JSON.stringify({ ...bom, metadata, components, dependencies }, null, 2)}\n`,
);
