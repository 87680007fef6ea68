import type { Services } from '../api/services.ts';
import type { Runner } from '../pipeline/executions/runner.ts';
import {
  createEscalationService,
  type EscalationPorts,
  type EscalationService,
} from '../pipeline/vendors/escalations.service.ts';
import { createVendorService, type VendorPorts } from '../pipeline/vendors/vendors.service.ts';
import { tickAll } from './tick-all.ts';

/** Third parties: the API's verbs, what belongs to the commit of an incident, and the levels that fall due. */
export interface VendorRoom {
  readonly services: Pick<Services, 'vendors' | 'escalations'>;
  readonly startsFor: EscalationService['startsFor'];
  /** The runner as a timekeeper sees it: timers of escalations fall due with those of executions. */
  beside(runner: Pick<Runner, 'idle' | 'tick'>): Pick<Runner, 'idle' | 'tick'>;
  /** Forgets what is kept in memory: something may have been committed of which nobody was told. */
  refresh(): void;
}

export function openVendors(ports: VendorPorts & Omit<EscalationPorts, 'vendors'>): VendorRoom {
  const vendors = createVendorService(ports);
  const escalations = createEscalationService({ ...ports, vendors });
  return {
    services: { vendors, escalations },
    startsFor: (incident, trace, now) => escalations.startsFor(incident, trace, now),
    beside: (runner) => ({
      get idle() {
        return runner.idle;
      },
      tick: () =>
        tickAll(
          () => runner.tick(),
          () => escalations.tick(),
        ),
    }),
    refresh: () => vendors.refresh(),
  };
}
