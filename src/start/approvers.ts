import type { Config } from '../platform/config.ts';
import type { ExternalApprovers } from '../pipeline/approvals/service-contract.ts';
import { clientFor } from './client-for.ts';

/** Connections to one service: as many as are asked at the same time. */
const CONNECTIONS = 16;

/** The services outside that the environment names; their code is loaded only where there are any. */
export async function openApprovers(
  config: Config,
): Promise<(ExternalApprovers & { close(): Promise<unknown> }) | null> {
  const { externalApprovers: configured } = config;
  if (configured.length === 0) return null;
  const { externalApprovers } = await import('../connectors/external-approver/ask.ts');
  const approvers = configured.map((approver) => {
    const limits = { timeoutMs: approver.timeoutMs, connections: CONNECTIONS };
    return { ...approver, http: clientFor(approver.url, config, limits) };
  });
  // The wall clock, also where business time is accelerated: services compare the signature's time with theirs.
  const asked = externalApprovers(approvers, () => Date.now());
  return { ...asked, close: () => Promise.all(approvers.map(({ http }) => http.close())) };
}
