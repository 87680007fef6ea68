import type { AcceptedEvent } from '../../src/pipeline/events/event.ts';
import { normaliseEvent } from '../../src/pipeline/events/normalise-event.ts';

/** What happens to the company: one story for each built-in playbook, through every gate, wait, fan-out and undo that it has. */

/** Business time at which every story begins: 2026-03-01T00:00:00Z. */
export const STORY_START = 1_772_323_200_000;

const MINUTE = 60_000;
const OFFICE = '81.2.69.142';
const FAR = '175.16.199.1';
const STOLEN_ROLE = '_SEED_ADMIN_ROLE';

/** One thing that somebody outside does; it is done again until it was acknowledged. */
export type Deed =
  | { readonly do: 'send'; readonly events: readonly AcceptedEvent[] }
  /** Votes until nothing is asked any more. */
  | { readonly do: 'vote' }
  /** The user's answers to the challenge are wrong. */
  | { readonly do: 'fail' }
  /** Lets time pass, from timer to timer, until everything is over; votes where a vote is asked for. */
  | { readonly do: 'wait' }
  /** Undoes every execution that answers to an incident. */
  | { readonly do: 'undo' };

export interface Story {
  readonly users: readonly object[];
  readonly deeds: readonly Deed[];
  /** What it must lead to in a calm run, so that a story cannot pass by doing nothing: effects at the company. */
  readonly shows: readonly string[];
}

function event(id: string, minutesAgo: number, fields: object): AcceptedEvent {
  const json = { id, time: STORY_START - minutesAgo * MINUTE, ...fields };
  const bytes = Buffer.from(JSON.stringify(json));
  const context = { format: 'firebreak', source: 'test:1', receivedAt: STORY_START } as const;
  const normalised = normaliseEvent({ bytes, json }, context);
  if (!normalised.ok) throw new Error(`${normalised.pointer}: ${normalised.reason}`);
  return { event: normalised.event, raw: bytes };
}

function user(id: string, ...ips: readonly string[]): object {
  const sessions = ips.map((ip) => ({ ip, country: 'GB', deviceId: null }));
  return { id, homeCountry: 'GB', devices: [`dev_${id}`], sessions };
}

const LONDON = { lat: 51.5, lon: -0.12, country: 'GB', city: 'London' };
const TOKYO = { lat: 35.7, lon: 139.7, country: 'JP', city: 'Tokyo' };

const impossibleTravel: Story = {
  users: [user('anna', OFFICE, FAR)],
  deeds: [
    {
      do: 'send',
      events: [
        event('t1', 40, { kind: 'login', outcome: 'success', subject: 'anna', ip: OFFICE, geo: LONDON }),
        event('t2', 5, { kind: 'login', outcome: 'success', subject: 'anna', ip: FAR, geo: TOKYO }),
      ],
    },
    { do: 'fail' },
    { do: 'wait' },
    { do: 'undo' },
    { do: 'wait' },
  ],
  shows: ['challenge.issue', 'notification', 'token.revoke', 'session.kill'],
};

const failures = (from: number, to: number): AcceptedEvent[] =>
  Array.from({ length: to - from }, (_, index) =>
    event(`m${from + index}`, 30 - from - index, {
      kind: 'mfa_result',
      outcome: 'denied',
      subject: 'anna',
      ip: OFFICE,
      mfa: { factor: 'push' },
    }),
  );

const twoFactorBypass: Story = {
  users: [user('anna', OFFICE)],
  // The rest of the attempts is news for an execution that waits for the challenge.
  deeds: [
    { do: 'send', events: failures(0, 6) },
    { do: 'send', events: failures(6, 11) },
    { do: 'fail' },
    { do: 'wait' },
    { do: 'undo' },
    { do: 'wait' },
  ],
  shows: ['challenge.issue', 'mail', 'account.suspend', 'account.unsuspend'],
};

const privilegeAction: Story = {
  users: [{ ...user('anna', OFFICE), privileges: [STOLEN_ROLE] }],
  deeds: [
    {
      do: 'send',
      events: [
        event('p1', 5, {
          kind: 'privilege_change',
          action: 'ASSIGN_ROLE',
          outcome: 'success',
          subject: 'anna',
          actor: 'anna',
          ip: OFFICE,
          target: { type: 'role', id: STOLEN_ROLE },
        }),
      ],
    },
    { do: 'vote' },
    { do: 'wait' },
    { do: 'undo' },
    { do: 'wait' },
  ],
  shows: ['notification', 'logging.enhance', 'logging.standard', 'actions.block', 'actions.unblock'],
};

const hits = (from: number, to: number): AcceptedEvent[] =>
  Array.from({ length: to - from }, (_, index) =>
    event(`c${from + index}`, 20 - from - index, {
      kind: 'login',
      outcome: 'failure',
      subject: `victim${from + index}`,
      ip: FAR,
    }),
  );

const VICTIMS = [0, 1, 2, 3].map((index) => user(`victim${index}`, OFFICE, FAR));

/** One more account is hit when all is over: news for an execution that has ended, and a follow-up. Holds end by themselves. */
const campaign: Story = {
  users: VICTIMS,
  deeds: [{ do: 'send', events: hits(0, 3) }, { do: 'vote' }, { do: 'send', events: hits(3, 4) }, { do: 'wait' }],
  shows: ['session.kill', 'ip.deny.add', 'geo_lock.set', 'geo_lock.remove'],
};

const campaignUndone: Story = {
  users: VICTIMS,
  deeds: [{ do: 'send', events: hits(0, 3) }, { do: 'vote' }, { do: 'undo' }, { do: 'wait' }],
  shows: ['session.kill', 'ip.deny.add', 'ip.deny.remove', 'geo_lock.set', 'geo_lock.remove'],
};

/** By the id of the playbook that must have run in it. */
export const STORIES = {
  'impossible travel': { playbookId: 'playbook_impossible_travel', story: impossibleTravel },
  '2FA bypass': { playbookId: 'playbook_2fa_bypass', story: twoFactorBypass },
  'privilege action': { playbookId: 'playbook_privilege_action', story: privilegeAction },
  'campaign that grows': { playbookId: 'playbook_campaign', story: campaign },
  'campaign that is undone': { playbookId: 'playbook_campaign', story: campaignUndone },
} as const;
