// Who is to own a file: `user`, `user:group`, by name or by number, looked up in the files of passwd(5) and group(5).
// Names from elsewhere (LDAP) are not found: write numbers.
import { SinkError } from './sink.js';

export interface Owner {
  readonly uid: number;
  /** null: the group stays as it is. */
  readonly gid: number | null;
}

/** Texts of `/etc/passwd` and `/etc/group`; empty where there is none. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

/** Throws `SinkError` for a name that is not there. A user without a group gets the user's own, where that is known. */
export function ownerOf(written: string, { passwd, group }: Accounts): Owner {
  const [user = '', groupName] = written.split(':');
  const row = rowOf(passwd, user);
  const uid = numberOf(user) ?? numberOf(row?.[2]);
  if (uid === null) throw new SinkError('its owner is no user here; write the number of the user');
  if (groupName === undefined) return { uid, gid: numberOf(row?.[3]) };
  const gid = numberOf(groupName) ?? numberOf(rowOf(group, groupName)?.[2]);
  if (gid === null) throw new SinkError('its group is none here; write the number of the group');
  return { uid, gid };
}

function rowOf(table: string, name: string): readonly string[] | undefined {
  return table
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name && name !== '');
}

function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null;
}
