// What happened to a token between two snapshots, in one word. Only a changed current value is a rotation.
import type { SnapshotContent, TokenSnapshot } from './snapshot.js';

export const changeKinds = [
  'loaded',
  'rotated',
  'recreated',
  'patched',
  'pending',
  'cancelled',
  'revoked',
  'expired',
  'restored',
  'unchanged',
] as const;

export type ChangeKind = (typeof changeKinds)[number];

/** `wasRecreated`: the answer that led here was of a secret written anew at an equal or lower version. */
export function changeBetween(
  before: SnapshotContent,
  after: SnapshotContent,
  wasRecreated = false,
): ChangeKind {
  if (before.current === null || after.current === null) return appearance(before, after);
  if (!before.current.value.equals(after.current.value)) {
    return wasRecreated ? 'recreated' : 'rotated';
  }
  if (before.current.source !== after.current.source) return 'loaded';
  return pendingChange(before, after) ?? (isSameContent(before, after) ? 'unchanged' : 'patched');
}

function appearance(before: SnapshotContent, after: SnapshotContent): ChangeKind {
  if (after.current !== null) {
    const known = before.last;
    if (known === null) return 'loaded';
    return known.value.equals(after.current.value) ? 'restored' : 'rotated';
  }
  if (before.current !== null) return after.missing === 'expired' ? 'expired' : 'revoked';
  if (before.missing !== after.missing && after.missing === 'revoked') return 'revoked';
  return pendingChange(before, after) ?? (isSameContent(before, after) ? 'unchanged' : 'patched');
}

function pendingChange(before: SnapshotContent, after: SnapshotContent): ChangeKind | null {
  const had = (value: SnapshotContent['pending'][number]['value']): boolean =>
    before.pending.some((one) => one.value.equals(value));
  if (after.pending.some((one) => !had(one.value))) return 'pending';
  return after.pending.length < before.pending.length ? 'cancelled' : null;
}

/** The same in everything that a caller could see. */
export function isSameContent(a: SnapshotContent, b: SnapshotContent): boolean {
  return (
    a.missing === b.missing &&
    isSameToken(a.current, b.current) &&
    isSameToken(a.last, b.last) &&
    areSameTokens(a.superseded, b.superseded) &&
    areSameTokens(a.pending, b.pending)
  );
}

type Shown = NonNullable<
  | SnapshotContent['current']
  | SnapshotContent['superseded'][number]
  | SnapshotContent['pending'][number]
>;

function areSameTokens<T extends Shown>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, at) => isSameToken(one, b[at] ?? null));
}

/** In every field; the value last, because comparing that takes longest. */
function isSameToken<T extends Shown>(a: T | null, b: T | null): boolean {
  if (a === null || b === null) return a === b;
  const names = Object.keys(a) as (keyof T)[];
  return names.every((name) => name === 'value' || a[name] === b[name]) && a.value.equals(b.value);
}

/** Names a snapshot after its content: a new revision exactly when something in it changed. */
export function reviseSnapshot(before: TokenSnapshot, content: SnapshotContent): TokenSnapshot {
  const isSame = isSameContent(before, content);
  if (isSame && before.nextChangeAt === content.nextChangeAt) return before;
  const revision = isSame ? before.revision : before.revision + 1;
  return Object.freeze({ ...content, revision });
}
