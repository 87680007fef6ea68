import { memoryJournal } from '../../simulation/world/memory-journal.ts';
import { memoryStore } from '../../simulation/world/store.ts';
import { soleMember } from '../../src/journal/sole-member.ts';
import { journalConformance } from '../support/journal-conformance.ts';

/** The simulated journal keeps the promises of the real ones: what is found on it would be found on them. */
journalConformance('the simulated one', () => {
  const store = memoryStore({ id: 'jrn_simulated', at: Date.UTC(2026, 10, 21, 3, 0, 0), accelerated: true });
  return {
    open: async () =>
      memoryJournal(store, {
        shared: false,
        members: soleMember(async () => [...store.effects.values()]),
        ask: async (_what, work) => work(),
        holder: () => 'sole',
      }),
    remove: async () => undefined,
  };
});
