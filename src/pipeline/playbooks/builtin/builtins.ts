import type { PlaybookDocument } from '../playbook.ts';
import { CAMPAIGN } from './campaign.ts';
import { IMPOSSIBLE_TRAVEL } from './impossible-travel.ts';
import { PRIVILEGE_ACTION } from './privilege-action.ts';
import { TWO_FACTOR_BYPASS } from './two-factor-bypass.ts';

/** The shipped playbooks, as documents like any other: `npm run seed` saves them under their own ids. */
export const BUILTIN_PLAYBOOKS: readonly PlaybookDocument[] = [
  IMPOSSIBLE_TRAVEL,
  TWO_FACTOR_BYPASS,
  PRIVILEGE_ACTION,
  CAMPAIGN,
];
