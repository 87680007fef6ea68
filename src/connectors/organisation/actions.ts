import type { ActionHandler } from '../../pipeline/actions/contract.ts';
import type { EvidenceDesk, PeopleDesk, RegulatoryDesk, TaskDesk } from '../../pipeline/actions/desks.ts';
import type { ActionType } from '../../pipeline/vocabulary.ts';
import { deskHandler } from './desk-handler.ts';
import { PARAMETERS } from './parameters.ts';

/** The desks that there are; what needs one that is absent is not offered. */
export interface OrganisationDesks {
  readonly people: PeopleDesk;
  readonly evidence?: EvidenceDesk;
  readonly regulatory?: RegulatoryDesk;
  readonly tasks?: TaskDesk;
}

/** Telling people, regulatory clocks, legal holds, tasks: what a runbook asks of the organisation itself. */
export function organisationHandlers({ people, evidence, regulatory, tasks }: OrganisationDesks): ActionHandler[] {
  return [
    telling(people, 'NOTIFY_CISO_AND_LEGAL', ['CISO', 'LEGAL'], 'CISO and Legal are told of an incident'),
    telling(people, 'NOTIFY_SOC', ['SECURITY_ANALYST', 'SECURITY_ADMIN'], 'The SOC is told of an incident'),
    telling(
      people,
      'NOTIFY_IR_LEAD',
      ['IR_LEAD', 'INCIDENT_COMMANDER'],
      'The incident response lead is told of an incident',
    ),
    ...(regulatory === undefined ? [] : [notifyRegulatoryContact(regulatory)]),
    ...(evidence === undefined ? [] : [legalHold(evidence)]),
    ...(tasks === undefined ? [] : [prPrep(tasks, people)]),
  ];
}

function telling(people: PeopleDesk, type: ActionType, roles: readonly string[], usual: string): ActionHandler {
  return deskHandler({
    type,
    parameters: PARAMETERS.tell,
    async ask({ channels, message }, { idempotencyKey: key, origin }) {
      const text = message === undefined || message === '' ? usual : message;
      const { noticeId } = await people.tell({ key, origin, roles, channels, text });
      return { noticeId };
    },
    find: (key) => people.find(key),
  });
}

/** Starts clocks and drafts inside; nothing goes to a regulator by itself. */
function notifyRegulatoryContact(regulatory: RegulatoryDesk): ActionHandler {
  return deskHandler({
    type: 'NOTIFY_REGULATORY_CONTACT',
    parameters: PARAMETERS.regulatory,
    async ask({ channels, deadlineHours = null, regimes }, { idempotencyKey: key, origin }) {
      const { deadlineIds } = await regulatory.start({ key, origin, regimes, deadlineHours, channels });
      return { deadlineIds };
    },
    find: (key) => regulatory.find(key),
  });
}

function legalHold(evidence: EvidenceDesk): ActionHandler {
  return deskHandler({
    type: 'LEGAL_HOLD',
    parameters: PARAMETERS.legalHold,
    async ask({ reason }, { idempotencyKey: key, origin }) {
      const why = reason === undefined || reason === '' ? 'A runbook asks for it' : reason;
      const { holdId } = await evidence.holdAll({ key, origin, reason: why });
      return { holdId };
    },
    find: (key) => evidence.findHold(key),
  });
}

/** Who finishes what is said outside: the page of the incident names no press office of its own. */
const PR_ROLES = ['CISO', 'LEGAL', 'COMPLIANCE_OFFICER'] as const;

const PR_DRAFT = `# Holding statement (draft)

We are aware of a security incident and have begun to contain it. We are working to establish what happened and whom it
affects, and will say more when we know it.

- What is confirmed: …
- Whom it affects, and how they are told: …
- Where people can ask: …

To be finished and released by people only. Say nothing about causes, numbers or culprits before they are established.`;

/** Opens a task with a draft, and tells those it is for. The task comes first: a notice without one would be empty. */
function prPrep(tasks: TaskDesk, people: PeopleDesk): ActionHandler {
  const title = 'Prepare what is said about an incident';
  return deskHandler({
    type: 'PR_PREP',
    parameters: PARAMETERS.prPrep,
    async ask({ channels, message }, { idempotencyKey: key, origin }) {
      const draft = message === undefined || message === '' ? PR_DRAFT : message;
      const { taskId } = await tasks.open({ key, origin, title, draft, roles: PR_ROLES });
      const text = `${title}\nThe draft is in the task ${taskId}.`;
      const { noticeId } = await people.tell({ key, origin, roles: PR_ROLES, channels, text });
      return { taskId, noticeId };
    },
    async find(key) {
      const [task, notice] = [await tasks.find(key), await people.find(key)];
      return task === null || notice === null ? null : { ...task, ...notice };
    },
  });
}
