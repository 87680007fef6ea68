import { z } from 'zod';
import type { ActionHandler } from '../../pipeline/actions/contract.ts';
import { handler } from '../define-handler.ts';
import { segment, type SandboxClient } from './client.ts';
import { declare } from './declare.ts';
import { PARAMETERS } from './parameters.ts';

/** USER_NOTIFICATION, ANALYST_ESCALATION, FORCE_PASSWORD_RESET, STEP_UP_CHALLENGE: what reaches a person. */

/** The mailbox of the sandbox company's security team. */
const SOC_MAILBOX = 'soc@sandbox.test';
const MINUTE_MS = 60_000;
const sent = z.object({ messageId: z.string() });

export function userNotification(client: SandboxClient): ActionHandler {
  return handler({
    declaration: declare('USER_NOTIFICATION', { reversibility: 'irreversible', holds: null, contains: false }),
    parameters: PARAMETERS.userNotification,
    async perform({ target, parameters: { title, message, sendEmail }, context }) {
      const path = `/users/${segment(target.id)}/notifications`;
      const body = { title, text: message, sendEmail };
      const done = await client.change({ method: 'POST', path, body, reply: sent }, context);
      if (done.refused) throw done.error;
      return { changed: true, marker: context.idempotencyKey, messageId: done.body.messageId };
    },
    async verify({ target, context }) {
      const path = `/users/${segment(target.id)}/notifications`;
      const { count, digest } = await client.countMessages(path, context.idempotencyKey, context);
      return { digest, says: count > 0 ? 'holds' : 'absent' };
    },
  });
}

export function analystEscalation(client: SandboxClient): ActionHandler {
  const path = `/mailboxes/${segment(SOC_MAILBOX)}/messages`;
  return handler({
    declaration: declare('ANALYST_ESCALATION', {
      targetType: 'none',
      reversibility: 'irreversible',
      holds: null,
      contains: false,
    }),
    parameters: PARAMETERS.analystEscalation,
    async perform({ parameters: { title, message, priority }, context }) {
      const body = {
        subject: `[${priority}] ${title}`.slice(0, 200).toWellFormed(),
        text: message,
        kind: 'escalation',
      };
      const done = await client.change({ method: 'POST', path, body, reply: sent }, context);
      if (done.refused) throw done.error;
      return { changed: true, marker: context.idempotencyKey, messageId: done.body.messageId };
    },
    async verify({ context }) {
      const { count, digest } = await client.countMessages(path, context.idempotencyKey, context);
      return { digest, says: count > 0 ? 'holds' : 'absent' };
    },
  });
}

export function forcePasswordReset(client: SandboxClient): ActionHandler {
  const reply = z.object({ passwordMustChange: z.object({ at: z.int() }) });
  return handler({
    declaration: declare('FORCE_PASSWORD_RESET', { reversibility: 'irreversible', holds: null, contains: true }),
    parameters: PARAMETERS.passwordReset,
    async perform({ target, parameters, context }) {
      const path = `/users/${segment(target.id)}/password-reset`;
      const done = await client.change({ method: 'POST', path, body: parameters, reply }, context);
      if (done.refused && done.code !== 'already_required') throw done.error;
      return { changed: !done.refused };
    },
    async verify({ target, context }) {
      const { user, marks, digest } = await client.readUser(target.id, context.idempotencyKey, context);
      // Our trace stays when the user has chosen the new password: the effect was there and did its work.
      if (marks.some(({ effect }) => effect === 'password.reset')) return { says: 'holds', digest };
      return { says: user.passwordMustChange === null ? 'absent' : 'foreign', digest };
    },
  });
}

export function stepUpChallenge(client: SandboxClient): ActionHandler {
  const reply = z.object({ challengeId: z.string(), expiresAt: z.int() });
  return handler({
    declaration: declare('STEP_UP_CHALLENGE', {
      reversibility: 'selfRecoverable',
      waits: true,
      holds: null,
      contains: false,
    }),
    parameters: PARAMETERS.stepUpChallenge,
    async perform({ target, parameters: { challengeType, expirationMinutes }, context }) {
      const path = `/users/${segment(target.id)}/challenges`;
      const body = { type: challengeType, expiresInMs: expirationMinutes * MINUTE_MS };
      const done = await client.change({ method: 'POST', path, body, reply }, context);
      if (done.refused) throw done.error;
      const { challengeId, expiresAt } = done.body;
      return { changed: true, challengeId, expiresAt };
    },
    async verify({ target, context }) {
      const { challenge, digest } = await client.findChallenge(target.id, context.idempotencyKey, context);
      return { says: challenge === null ? 'absent' : 'holds', digest };
    },
    async check({ target, outcome, context }) {
      const id = outcome?.['challengeId'];
      // When the reply was lost the outcome has no id; our key finds the challenge.
      const challenge =
        typeof id === 'string'
          ? await client.readChallenge(id, context)
          : (await client.findChallenge(target.id, context.idempotencyKey, context)).challenge;
      if (challenge === null || challenge.status === 'pending') return { state: 'pending' };
      return { state: challenge.status, detail: `${challenge.id} ${challenge.status}` };
    },
  });
}
