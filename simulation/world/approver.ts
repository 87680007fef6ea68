import { answerIn } from '../../src/connectors/external-approver/answer.ts';
import type { ExternalApprovers, ServiceSays } from '../../src/pipeline/approvals/service-contract.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** What a reply of the service means, and its body; null: nothing comes. */
const REPLIES = [
  ['approved', '{"approved": true}'],
  ['approved', '{"approved": true}'],
  ['denied', '{"approved": false}'],
  ['none', '{"approved": "true"}'],
  ['none', '{"approved": 1}'],
  ['none', '{}'],
  ['none', '<html>'],
  ['lost', null],
  ['lost', null],
] as const;

export type Meant = 'approved' | 'denied' | 'none';

/** A service outside that approves, denies, says nonsense, comes late, comes twice with another answer, or never. */
export interface Approver {
  of(host: Host): Pick<ExternalApprovers, 'ask'>;
  /** What was truly meant by the replies to questions under this key. */
  meant(key: string): ReadonlySet<Meant>;
  /** Questions that are on their way. */
  readonly underWay: number;
}

export function createApprover(ports: {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly random: Random;
}): Approver {
  const { scheduler, trace, random } = ports;
  const meant = new Map<string, Set<Meant>>();
  let underWay = 0;

  function ask(host: Host, key: string): Promise<ServiceSays> {
    const [what, body] = random.pick(REPLIES);
    const ms = random.chance(200) ? random.between(1_000, 9_000) : random.below(300);
    trace.add(`${host.name} asks a service ${key.slice(0, 8)}: ${what}`);
    const known = meant.get(key) ?? new Set<Meant>();
    meant.set(key, known.add(what === 'lost' ? 'none' : what));
    underWay += 1;
    scheduler.after(ms * 1_000, 'a service answers', () => {
      underWay -= 1;
    });
    return new Promise((resolve) => {
      host.deliver(ms * 1_000, 'hears a service', () => resolve(body === null ? UNHEARD : saying(body)));
    });
  }

  return {
    of: (host) => ({ ask: ({ key }) => ask(host, key) }),
    meant: (key) => meant.get(key) ?? new Set(),
    get underWay() {
      return underWay;
    },
  };
}

const UNHEARD: ServiceSays = { heard: false, why: 'timeout', status: null, requestDigest: null, retryAfterMs: null };

/** By the code that reads real replies. */
function saying(body: string): ServiceSays {
  return { heard: true, ...answerIn(Buffer.from(body)), status: 200, requestDigest: null };
}
