import type { DeadlineRule } from '../rule.ts';
import { after, ROW } from './row.ts';

export const PAYMENT_CARDS: readonly DeadlineRule[] = [
  {
    ...ROW,
    timeZone: 'UTC',
    id: 'pci-dss',
    regime: 'PCI-DSS',
    title: 'Suspected compromise of account data',
    reference: 'PCI DSS, requirement 12.10; rules of the brands and of the acquirer',
    sureness: 'B',
    recipient: 'acquirer and card brands',
    appliesWhen: { organisation: { card_data: 'yes' }, incident: { card_data_affected: 'yes' } },
    stages: [
      {
        id: 'notification',
        title: 'Notification of the acquirer and the brands; PCI forensic investigator',
        content: ['what is suspected', 'which account data', 'what is done about it'],
        limits: [],
        target: { after: { event: 'suspicion' }, hours: 24, words: 'immediately' },
      },
    ],
    note: 'The standard gives no hours; the contract with the acquirer may.',
  },
  {
    ...ROW,
    timeZone: 'UTC',
    id: 'pci-visa-preliminary',
    regime: 'PCI-DSS',
    title: 'Preliminary report to Visa',
    reference: 'What To Do If Compromised (Visa)',
    sureness: 'C',
    enabled: false,
    onTag: false,
    recipient: 'Visa, by the acquirer',
    appliesWhen: { organisation: { card_data: 'yes' }, incident: { card_data_affected: 'yes' } },
    stages: [{ id: 'report', title: 'Preliminary report', content: [], limits: [after('suspicion', 'days', 3)] }],
  },
];
