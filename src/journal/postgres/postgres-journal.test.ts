import { afterAll, describe } from 'vitest';
import { journalConformance } from '../../../tests/support/journal-conformance.ts';
import { membershipConformance, sharedConformance } from '../../../tests/support/membership-conformance.ts';
import { retentionConformance } from '../../../tests/support/retention-conformance.ts';
import { sharedCluster } from '../../../tests/support/postgres.ts';
import { postgresPlace } from '../../../tests/support/postgres-place.ts';

const shared = sharedCluster();
afterAll(() => shared.remove());

describe.skipIf(shared.skip !== null)('the journal on PostgreSQL', () => {
  journalConformance('PostgreSQL', () => postgresPlace(shared));
  retentionConformance('PostgreSQL', () => postgresPlace(shared));
  membershipConformance('PostgreSQL', () => postgresPlace(shared));
  sharedConformance('PostgreSQL', () => postgresPlace(shared));
});
