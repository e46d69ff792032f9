// A descriptor of our own for a pipe or a terminal that a program beside us writes to as well. Whether writing may block is a
// flag of the open file description (open(2)), which a child shares: the child wants it to block, we must not be stopped by a
// reader that stalls. Refuses nothing: where it cannot be had, the descriptor stays the one that is shared.
import { constants, fstatSync, openSync } from 'node:fs';

/** Never throws. A regular file keeps its descriptor: two offsets in it would overwrite each other. */
export function ownDescription(fd: number): number {
  try {
    const facts = fstatSync(fd);
    if (!facts.isFIFO() && !facts.isCharacterDevice()) return fd;
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return fd;
  }
}
