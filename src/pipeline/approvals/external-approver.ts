import type { PlanGate, Requirement } from '../playbooks/plan.ts';

/**
 * Services outside that are asked beside people: whom gates name, and what their answers mean. A service has one voice, and only
 * by the answer that was fetched from it. It is no account, so no key of a service account can speak for it.
 */

/** A service that an approval asks. */
export interface AskedService {
  /** As it is configured. */
  readonly name: string;
  /** Nobody else's approval is enough as long as it has not been heard: it could still object. */
  readonly mustAnswer: boolean;
  /** What follows when it does not answer. */
  readonly fallbackBehavior: NonNullable<PlanGate['external']>['fallbackBehavior'];
  /** What came of it. Absent: it has not been heard yet. */
  readonly reply?: ServiceReply;
}

/** How a service was asked, and what it said. `none`: nothing that is an answer. */
export interface ServiceReply {
  readonly answer: 'approved' | 'denied' | 'none';
  /** Why there is no answer, a snake_case word; null where there is one. */
  readonly why: string | null;
  /** HTTP status of the last reply, or null: there was none. */
  readonly status: number | null;
  /** Requests that were sent, repeats of what did not answer included. */
  readonly tries: number;
  /** From the first request to the last reply, in ms of machine time. */
  readonly durationMs: number;
  /** SHA-256 of the request's body, hexadecimal; null: nothing was sent. */
  readonly requestDigest: string | null;
}

/** From the most to the least careful. */
const CAREFUL_FIRST = ['DENY_ACTION', 'ESCALATE_TO_HUMAN', 'ALLOW_ACTION'] as const;

/**
 * The services that gates name, each once and in the order of names, with the most careful of its fallbacks. One that has a
 * place in each of its gates, and in the request, answers beside people; any other has to be heard.
 *
 * @param requirements of the one request that asks for all of the gates.
 */
export function servicesOf(gates: readonly PlanGate[], requirements: readonly Requirement[]): readonly AskedService[] {
  const named = gates.flatMap(({ external }) => (external === undefined ? [] : [external]));
  const names = [...new Set(named.map(({ service }) => service))].sort();
  return names.map((name) => {
    const wanted = named.filter(({ service }) => service === name).map(({ fallbackBehavior }) => fallbackBehavior);
    const fallbackBehavior = CAREFUL_FIRST.find((each) => wanted.includes(each)) ?? 'DENY_ACTION';
    const asking = gates.filter(({ external }) => external?.service === name).map((gate) => gate.requirements);
    const mustAnswer = [requirements, ...asking].some((places) => !hasPlace(places, name));
    return { name, mustAnswer, fallbackBehavior };
  });
}

/** The places without those of services: where nothing may stand in for a person. */
export function onlyPeople(requirements: readonly Requirement[]): readonly Requirement[] {
  return requirements.map(({ services: _none, ...place }) => ({ ...place, human: true }));
}

/** Whether the service may fill the place: it is not for people only, and names this very service. */
export function isServicePlace({ human, services = [] }: Requirement, service: string): boolean {
  return !human && services.includes(service);
}

interface Heard {
  readonly requirements: readonly Requirement[];
  readonly services?: readonly AskedService[];
}

/** Whether a service has said no, or does not answer where that means no. */
export function deniesApproval({ services = [] }: Heard): boolean {
  return services.some(({ reply, fallbackBehavior }) => {
    if (reply === undefined) return false;
    return reply.answer === 'denied' || (reply.answer === 'none' && fallbackBehavior === 'DENY_ACTION');
  });
}

/** Whether a service was not heard in time whose silence means no. */
export function isDeniedBySilence({ services = [] }: Pick<Heard, 'services'>): boolean {
  return services.some(({ reply, fallbackBehavior }) => reply === undefined && fallbackBehavior === 'DENY_ACTION');
}

/** Whether people have to wait for a service that could still object. */
export function isAwaited({ services = [] }: Heard): boolean {
  return services.some(({ reply, mustAnswer }) => reply === undefined && mustAnswer);
}

/** The services that may fill a place: those that approved, and those whose silence allows it. */
export function seatedServices({ services = [], requirements }: Heard) {
  return services
    .filter(({ name, reply, fallbackBehavior }) => {
      if (reply === undefined || !hasPlace(requirements, name)) return false;
      return reply.answer === 'approved' || (reply.answer === 'none' && fallbackBehavior === 'ALLOW_ACTION');
    })
    .map(({ name }) => ({ logins: [], human: false, service: name }));
}

/** How many people a gate needs that has no place for a service: those count alone. */
export function peopleNeeded(gates: readonly PlanGate[]): number {
  const forPeople = gates.filter(({ requirements }) =>
    requirements.every(({ human, services = [] }) => human || services.length === 0),
  );
  return Math.max(0, ...forPeople.map(({ requiredApprovers }) => requiredApprovers));
}

/** The approval as it would be if every service that is still awaited approved. */
export function ifServicesApprove<Asked extends Heard>(approval: Asked): Asked {
  const { services } = approval;
  if (services === undefined) return approval;
  return {
    ...approval,
    services: services.map((asked) => (asked.reply === undefined ? { ...asked, reply: YES } : asked)),
  };
}

const YES: ServiceReply = {
  answer: 'approved',
  why: null,
  status: null,
  tries: 0,
  durationMs: 0,
  requestDigest: null,
};

function hasPlace(requirements: readonly Requirement[], service: string): boolean {
  return requirements.some((place) => isServicePlace(place, service));
}
