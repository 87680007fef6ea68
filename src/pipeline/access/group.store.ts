import type { RecordDraft, View } from '../../journal/journal.ts';
import type { AccessWrite } from './access.store.ts';
import type { CustomRole } from './custom-role.ts';
import { groupKey, type Group } from './group.ts';

/** The records and rows of groups and of the organisation's roles. `version` is that of the row; 0: it is new. */

export function groupWrite(group: Group, version: number): AccessWrite {
  return {
    record: draft('access.group_saved', group, { group }),
    view: { ...groupView(group), expectedVersion: version },
  };
}

export function groupDeleted(group: Group, version: number, by: string, at: number): AccessWrite {
  const record = draft('access.group_deleted', { savedBy: by, updatedAt: at }, { id: group.id });
  return { record, view: { ...groupView(group), body: null, expectedVersion: version } };
}

export function roleWrite(role: CustomRole, version: number): AccessWrite {
  return { record: draft('access.role_saved', role, { role }), view: { ...roleView(role), expectedVersion: version } };
}

export function roleDeleted(role: CustomRole, version: number, by: string, at: number): AccessWrite {
  const record = draft('access.role_deleted', { savedBy: by, updatedAt: at }, { name: role.name });
  return { record, view: { ...roleView(role), body: null, expectedVersion: version } };
}

function roleView(role: CustomRole): Omit<View, 'expectedVersion'> {
  return { kind: 'role', id: role.name, at: role.createdAt, body: { ...role } };
}

function groupView(group: Group): Omit<View, 'expectedVersion'> {
  return { kind: 'group', id: group.id, uniqueKey: groupKey(group.name), at: group.createdAt, body: { ...group } };
}

function draft(
  type: string,
  { savedBy, updatedAt }: Pick<Group, 'savedBy' | 'updatedAt'>,
  data: RecordDraft['data'],
): Omit<RecordDraft, 'trace'> {
  return { type, v: 1, at: updatedAt, data: { by: savedBy, ...data } };
}
