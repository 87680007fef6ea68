import type { ActionType } from '../vocabulary.ts';
import type { LAWFUL_BASES } from './basis.ts';

/** What of the product touches a person's data beyond the account that it contains, and what is usually said to allow it. */
export interface PersonalAction {
  readonly type: ActionType;
  readonly why: string;
  /** Where most organisations begin; it is in force nowhere until people decide it. */
  readonly usual: (typeof LAWFUL_BASES)[number];
  readonly source: string;
}

const SECURITY =
  'GDPR Recital 49: network and information security is a legitimate interest, as far as it is necessary';

export const PERSONAL_ACTIONS: readonly PersonalAction[] = [
  {
    type: 'PRESERVE_ARTIFACTS',
    why: 'Files, lists and logs of a host are copied; they may hold what people wrote.',
    usual: 'legitimate-interests',
    source: SECURITY,
  },
  {
    type: 'TRIGGER_FULL_DISK_IMAGING',
    why: 'A whole disk is copied, private files of its users included.',
    usual: 'legitimate-interests',
    source: SECURITY,
  },
  {
    type: 'TRIGGER_FORENSIC_IMAGING',
    why: 'Memory and disk are copied: messages, passwords and private files among them.',
    usual: 'legitimate-interests',
    source: SECURITY,
  },
  {
    type: 'ENHANCED_LOGGING',
    why: 'What one person does is watched more closely than what others do.',
    usual: 'legitimate-interests',
    source: SECURITY,
  },
  {
    type: 'CUSTOM_WEBHOOK',
    why: 'What is known of a person leaves for a system outside.',
    usual: 'legitimate-interests',
    source: SECURITY,
  },
  {
    type: 'NOTIFY_REGULATORY_CONTACT',
    why: 'What is known of those affected is prepared for an authority.',
    usual: 'legal-obligation',
    source: 'GDPR Art. 33 and 34',
  },
];
