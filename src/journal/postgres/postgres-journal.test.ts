import { afterAll, describe } from 'vitest';
import { journalConformance } from '../../../tests/support/journal-conformance.ts';
import { membershipConformance, sharedConformance } from '../../../tests/support/membership-conformance.ts';
import { retentionConformance } from '../../../tests/support/retention-conformance.ts';
import { sharedCluster } from '../../../tests/support/postgres.ts';
import { postgresPlace } from '../../../tests/support/postgres-place.ts';

const shared = sharedCluster();
afterAll(() => shared.remove());

describe.skipIf(shared.skip !== null)('the journal on PostgreSQL', () => {
  // Nothing may rest on hints: half of it runs without them, and what processes promise each other runs both ways.
  journalConformance('PostgreSQL', () => postgresPlace(shared, true));
  retentionConformance('PostgreSQL', () => postgresPlace(shared));
  for (const hints of [false, true]) {
    const name = hints ? 'PostgreSQL with hints' : 'PostgreSQL';
    membershipConformance(name, () => postgresPlace(shared, hints));
    sharedConformance(name, () => postgresPlace(shared, hints));
  }
});
