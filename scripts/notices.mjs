// The licences of the packages whose code is in the bundle, whole, in one text.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const licenceFile = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

/** The text for the packages that the metafiles' bundles hold. Throws for one that states no licence at all. */
export async function notices(root, metafiles) {
  const folders = new Set(metafiles.flatMap((metafile) => bundledPackages(metafile)));
  const parts = await Promise.all([...folders].sort().map((folder) => notice(join(root, folder))));
  return `keytender contains the following packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

function bundledPackages(metafile) {
  return Object.values(metafile.outputs)
    .flatMap((output) => Object.entries(output.inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
    .filter((folder) => folder !== undefined);
}

async function notice(folder) {
  const { name, version, license, author } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  const files = (await readdir(folder)).filter((file) => licenceFile.test(file)).sort();
  if (files.length === 0 && license === undefined) throw new Error(`${name} states no licence`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const by = typeof author === 'string' ? author : (author?.name ?? 'its authors');
  const body = texts.length > 0 ? texts.map((text) => text.trim()).join('\n\n') : `By ${by}.`;
  return `${name} ${version} (${license ?? 'see below'})\n\n${body.replaceAll('\r\n', '\n')}\n`;
}
