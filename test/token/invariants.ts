// What holds of every snapshot at every time.
import type { AgentToken } from '../../src/token/agent-token.js';
import type { TokenSnapshot } from '../../src/token/snapshot.js';

/** The first thing that is wrong with it, or null. */
export function brokenInvariant(snapshot: TokenSnapshot, now: number): string | null {
  const { current, missing, last, superseded, pending, nextChangeAt } = snapshot;
  const parts = [snapshot, superseded, pending, ...superseded, ...pending];
  const tokens = [...(current === null ? [] : [current]), ...(last === null ? [] : [last])];
  if (![...parts, ...tokens].every((part) => Object.isFrozen(part))) return 'not frozen';
  if ((current === null) !== (missing !== null)) return 'missing says otherwise than current';
  if (current !== null && last !== null) return 'a last one beside a current one';
  if (current !== null && (current.expiresAt ?? Infinity) <= now) return 'an expired one signs';
  if (superseded.some((one) => !(one.usableUntil > now))) return 'an ended one verifies';
  if (superseded.some((one) => one.usableUntil === Infinity)) return 'a superseded one never ends';
  if (pending.some((one) => !(one.notBeforeAt > now))) return 'a pending one is due';
  if (current !== null && superseded.some((one) => one.value.equals(current.value))) {
    return 'the current one is superseded as well';
  }
  if (!(nextChangeAt > now)) return 'time has changed it already';
  return superseded.length > 17 ? 'too many superseded' : null;
}

/** All that a caller could see, as text. */
export function contentOf(snapshot: TokenSnapshot): string {
  const { current, missing, last, superseded, pending } = snapshot;
  const plain = (one: { readonly value: AgentToken } | null): unknown =>
    one === null ? null : { ...one, value: one.value.reveal() };
  return JSON.stringify({
    missing,
    current: plain(current),
    last: plain(last),
    superseded: superseded.map(plain),
    pending: pending.map(plain),
  });
}
