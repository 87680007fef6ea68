import { ENTRA_LOG_CATEGORY } from '../detect-format.ts';
import { refuse, type Mapping } from '../draft.ts';
import { objectAt, textAt } from '../read.ts';
import { mapEntraAudit } from './entra-audit.ts';
import { mapEntraSignIn } from './entra-sign-in.ts';

/**
 * Microsoft Entra: sign-in records and directory audits, as Microsoft Graph gives them or inside the `properties`
 * of an Azure Monitor record. Hand-made fixtures; not tested against the live service.
 */
export const mapEntra: Mapping = (event) => {
  const wrapped = ENTRA_LOG_CATEGORY.test(textAt(event, 'category') ?? '') ? objectAt(event, 'properties') : null;
  const record = wrapped ?? event;
  if (textAt(record, 'activityDisplayName') !== null) return mapEntraAudit(record);
  if (objectAt(record, 'status') !== null) return mapEntraSignIn(record);
  return refuse(
    'missing_field',
    '',
    'an Entra record is a sign-in (status) or a directory audit (activityDisplayName)',
  );
};
