import type { Event } from '../events/event.ts';
import { boundedText } from './observation.ts';

/** The sensitive operations that are told apart. */
export const OPERATIONS = [
  'grant',
  'adminGrant',
  'selfGrant',
  'mfaRemoval',
  'tokenCreation',
  'loggingOff',
  'dataExport',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Plain text search in provider words, for mappings that do not say what a change did: nothing can backtrack. */
const TAKING = ['revoke', 'remove', 'detach', 'delete', 'unassign', 'deactivate', 'disable', 'withdraw'];
const REMOVING_FACTOR = [...TAKING, 'reset', 'unenroll', 'unregister'];
const SWITCHING_ON = ['start', 'enable', 'create', 'activate', 'restore'];
const SWITCHING_OFF = [...TAKING, 'stop', 'suspend', 'pause'];
const ADMIN = ['admin', 'owner', 'root', 'superuser', 'fullaccess', 'full_access'];

/** Values of the attribute `change` (`events/draft.ts`) that take something away. */
const TAKING_CHANGES = ['revoke', 'remove', 'delete', 'disable'];

/**
 * The sensitive operation an event reports, or null. Only what took effect counts: an outcome other than success is
 * an attempt that the system itself refused.
 */
export function operationOf(event: Event): Operation | null {
  if (event.outcome !== 'success') return null;
  switch (event.kind) {
    case 'privilege_change':
      if (takesAway(event)) return null;
      if (isSelf(event)) return 'selfGrant';
      return isAdminTarget(event) ? 'adminGrant' : 'grant';
    case 'mfa_change':
      return removesFactor(event) ? 'mfaRemoval' : null;
    case 'token_create':
      return 'tokenCreation';
    case 'logging_change':
      return switchesOn(event) ? null : 'loggingOff';
    case 'data_export':
      return 'dataExport';
    default:
      return null;
  }
}

function removesFactor(event: Event): boolean {
  const change = changeOf(event);
  if (change !== null) return TAKING_CHANGES.includes(change) || change === 'reset';
  return contains(actionOf(event), REMOVING_FACTOR);
}

/** True when the actor is the account concerned, by id or by name, whatever the spelling. */
export function isSelf(event: Event): boolean {
  if (event.actor === null || event.subject === null) return false;
  const names = (id: string, name: string | undefined): string[] =>
    [id, name ?? ''].map((text) => boundedText(text).normalize('NFC').toLowerCase()).filter((text) => text !== '');
  const subject = names(event.subject.id, undefined);
  return names(event.actor.id, event.actor.name).some((name) => subject.includes(name));
}

function takesAway(event: Event): boolean {
  const change = changeOf(event);
  return change === null ? contains(actionOf(event), TAKING) : TAKING_CHANGES.includes(change);
}

function switchesOn(event: Event): boolean {
  const change = changeOf(event);
  if (change !== null) return change === 'create' || change === 'enable' || change === 'add';
  return contains(actionOf(event), SWITCHING_ON) && !contains(actionOf(event), SWITCHING_OFF);
}

function isAdminTarget(event: Event): boolean {
  if (event.target === null) return false;
  return contains(boundedText(`${event.target.name ?? ''} ${event.target.id}`).toLowerCase(), ADMIN);
}

function changeOf(event: Event): string | null {
  const change = Object.hasOwn(event.attributes, 'change') ? event.attributes['change'] : null;
  return typeof change === 'string' && change !== '' ? change : null;
}

function actionOf(event: Event): string {
  return boundedText(event.action).toLowerCase();
}

function contains(text: string, words: readonly string[]): boolean {
  return words.some((word) => text.includes(word));
}
