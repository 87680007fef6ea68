import type { PeopleDesk } from '../actions/desks.ts';
import type { ExecutionState } from '../executions/core/state.ts';
import type { Plan } from '../playbooks/plan.ts';
import { short, type Told } from './notice-of.ts';

/** Paragraphs of a step's text that are shown; the rest is in the record of the execution. */
const MAX_LINES = 20;

/** What a step of a playbook tells those who have a role. The first line of its text is the title. */
export function noticeOfStep(
  plan: Plan,
  state: ExecutionState,
  { origin, roles, channels, text }: Parameters<PeopleDesk['tell']>[0],
): Told {
  const [title = '', ...lines] = text.split('\n').filter((line) => line.trim() !== '');
  return {
    notice: {
      kind: 'execution.told',
      severity: state.riskLevel,
      title: short(title === '' ? plan.name : title),
      lines: lines.slice(0, MAX_LINES).map(short),
      facts: [
        { label: 'Playbook', value: short(plan.name) },
        { label: 'Step', value: short(origin.actionId) },
        { label: 'Incident', value: short(state.snapshot.incident.id) },
      ],
      about: { type: 'execution', id: origin.executionId },
      ask: null,
    },
    audience: { who: 'named', roles, userIds: [] },
    channels: channels.length === 0 ? null : channels.map((channel) => channel.toUpperCase()),
  };
}
