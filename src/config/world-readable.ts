// Whether a secret file that everybody may read is acceptable: where the platform mounts secrets itself, read-only or in
// memory, its mode says little (Kubernetes, Compose); anywhere else it is a mistake. Mount table: proc(5), mountinfo.

const READ_OR_WRITE_BY_OTHERS = 0o006;

export function isOpenToOthers(mode: number): boolean {
  return (mode & READ_OR_WRITE_BY_OTHERS) !== 0;
}

interface Mount {
  readonly point: string;
  readonly isReadOnly: boolean;
  readonly fsType: string;
}

/** True when the file's mount is read-only or tmpfs. `realPath` has its links followed. */
export function isMountedAsSecret(realPath: string, mountTable: string | null): boolean {
  const mount = mountOf(realPath, mountTable ?? '');
  return mount !== null && (mount.isReadOnly || mount.fsType === 'tmpfs');
}

/** The mount with the longest matching point; among equals the last, which lies on top. */
function mountOf(realPath: string, mountTable: string): Mount | null {
  let best: Mount | null = null;
  for (const line of mountTable.split('\n')) {
    const mount = parseLine(line);
    if (mount === null || !isBelow(realPath, mount.point)) continue;
    if (best === null || mount.point.length >= best.point.length) best = mount;
  }
  return best;
}

/** `36 35 98:0 / /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue`. */
function parseLine(line: string): Mount | null {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const point = fields[4];
  const options = fields[5];
  const fsType = fields[separator + 1];
  if (separator === -1 || point === undefined || options === undefined || fsType === undefined) {
    return null;
  }
  const all = [...options.split(','), ...(fields[separator + 3] ?? '').split(',')];
  return { point: unescape(point), isReadOnly: all.includes('ro'), fsType };
}

/** Space, tab, line feed and backslash are written as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

function isBelow(path: string, point: string): boolean {
  return path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`);
}
