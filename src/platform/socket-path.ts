// How long the path of a Unix socket may be. Node cuts a longer one off without a word, and then listens on, or asks,
// another path than the one that was named (`sun_path` of unix(7): 108 bytes with the closing zero).
export const socketPathBytesMax = 107;

export function isSocketPath(path: string): boolean {
  return path !== '' && Buffer.byteLength(path) <= socketPathBytesMax;
}
