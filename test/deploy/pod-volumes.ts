// The volumes of a pod as a kubelet makes them: an emptyDir that belongs to the pod's group, ConfigMaps and tokens behind
// the two links by which the kubelet swaps them as one.
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodSpec } from './pod.js';

export interface VolumeSources {
  /** Name → file → text. */
  readonly configMaps: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** A service account's token for an audience. */
  readonly mint: (audience: string) => string;
}

/** Folder of each volume by its name. */
export function buildVolumes(
  pod: PodSpec,
  folder: string,
  { configMaps, mint }: VolumeSources,
): ReadonlyMap<string, string> {
  const made = new Map<string, string>();
  const group = pod.securityContext.fsGroup;
  for (const { name, emptyDir, configMap, projected } of pod.volumes) {
    const path = join(folder, name);
    mkdirSync(path);
    made.set(name, path);
    if (emptyDir !== undefined) give(path, group, 0o2777);
    else if (configMap !== undefined) {
      const files = configMaps[configMap.name];
      if (files === undefined) throw new Error(`no ConfigMap ${configMap.name}`);
      swapIn(path, files, group, 0o644);
    } else if (projected !== undefined) {
      const tokens = projected.sources.map(({ serviceAccountToken: { path, audience } }) => [
        path,
        mint(audience),
      ]);
      swapIn(path, Object.fromEntries(tokens) as Record<string, string>, group, 0o640);
    } else throw new Error(`${name}: a volume of a kind that is not known here`);
  }
  return made;
}

function swapIn(
  path: string,
  files: Readonly<Record<string, string>>,
  group: number,
  mode: number,
): void {
  const now = join(path, '..2026_01_01');
  mkdirSync(now);
  chmodSync(path, 0o755);
  chmodSync(now, 0o755);
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(now, name), text);
    give(join(now, name), group, mode);
    symlinkSync(join('..data', name), join(path, name));
  }
  symlinkSync('..2026_01_01', join(path, '..data_tmp'));
  renameSync(join(path, '..data_tmp'), join(path, '..data'));
}

/** Only root can give files away; for anybody else they stay their own. */
function give(path: string, group: number, mode: number): void {
  if (process.getuid?.() === 0) chownSync(path, 0, group);
  chmodSync(path, mode);
}
