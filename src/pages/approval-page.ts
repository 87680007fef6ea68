import type { ApprovalShown, GateShown } from './approval-shown.ts';
import { html, type Html } from './html.ts';
import { hidden, refusalNotice } from './layout.ts';
import { shownAt, timeLeft } from './times.ts';
import { silenceInWords, statusInWords, undoInWords, whoMayAnswer } from './words.ts';

/** Longest comment that a form takes, in UTF-16 units: that of the API. */
export const MAX_COMMENT = 2_000;

export interface ApprovalView {
  readonly approval: ApprovalShown;
  /** Why it is asked: what the incident says. Null: whoever looks may not see it, or it is archived. */
  readonly why: string | null;
  /** The rules that ask; null as above. */
  readonly gates: readonly GateShown[] | null;
  readonly now: number;
  /** Null: there is nothing to answer, or whoever looks cannot from here. */
  readonly form: AnswerForm | null;
  /** Where whoever looks takes their vote back. Absent or null: they have none, or cannot from here. */
  readonly withdrawal?: AnswerForm | null;
  /** A sentence about an answer that was refused. */
  readonly refusal: string | null;
}

/** Where an answer is sent. `fields` prove who answers: the token of a session, or that of a signed link. */
export interface AnswerForm {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * One request for approval, whole, with the form that answers it. Pure: what it shows is what `approval` says, and the
 * form carries the hash of exactly that, so that an answer to something else is refused. It stands on the page of a session,
 * and can stand on one that a signed link opens.
 */
export function approvalRequest({ approval, why, gates, now, form, withdrawal = null, refusal }: ApprovalView): Html {
  const pending = approval.status === 'PENDING';
  return html`<h1>${heading(approval)}</h1>
    ${refusalNotice(refusal)}
    <p class="${pending ? 'notice' : 'notice quiet'}">
      ${statusInWords(approval)}
      ${pending ? html`<strong>${timeLeft(Date.parse(approval.expiresAt), now)}</strong>, until ${shownAt(approval.expiresAt)}.` : shownAt(approval.decidedAt)}
    </p>
    <h2>What will be done</h2>
    <dl>
      <dt>Action</dt>
      <dd>${approval.actionType}</dd>
      <dt>To</dt>
      <dd>${targetOf(approval)}</dd>
      <dt>Accounts</dt>
      <dd>${approval.accounts.length === 0 ? 'none' : approval.accounts.join(', ')}</dd>
      <dt>Risk</dt>
      <dd>${approval.riskLevel}</dd>
      <dt>Undo</dt>
      <dd>${undoInWords(approval)}</dd>
    </dl>
    ${parametersOf(approval)}
    <h2>Why</h2>
    <dl>
      <dt>Incident</dt>
      <dd>${why ?? 'Its description cannot be shown here.'} <span class="quiet">${approval.incidentId}</span></dd>
      <dt>Playbook</dt>
      <dd>${approval.playbookId}, version ${approval.playbookVersion}, step ${approval.actionId}</dd>
      <dt>Asked by</dt>
      <dd>${approval.requester === 'engine' ? 'Firebreak, by itself' : approval.requester}</dd>
      <dt>Asked at</dt>
      <dd>${shownAt(approval.requestedAt)}</dd>
    </dl>
    ${rulesOf(gates)}
    <h2>Who decides</h2>
    <ul>
      ${whoMayAnswer(approval).map((line) => html`<li>${line}</li>`)}
    </ul>
    <p>
      ${approval.requiredApprovers === 1 ? 'One approval is needed.' : `Approvals of ${approval.requiredApprovers} different people are needed.`}
      One denial is enough to stop it. ${silenceInWords(approval, gates)}
    </p>
    ${escalationsOf(approval)}
    <h2>Answers so far</h2>
    ${votesOf(approval)} ${withdrawnOf(approval)} ${withdrawal === null || !pending ? null : withdrawalForm(withdrawal)}
    ${form === null || !pending ? null : answerForm(approval, form)}`;
}

/** What stands in the title of the page too. */
export function heading({ question, actionType, target }: ApprovalShown): string {
  return question ?? `${actionType}${target === null ? '' : `: ${target.id}`}`;
}

function targetOf({ target }: ApprovalShown): string {
  return target === null ? 'each of the accounts below' : `${target.type} ${target.id}`;
}

function parametersOf({ parameters }: ApprovalShown): Html | null {
  if (parameters === null || Object.keys(parameters).length === 0) return null;
  return html`<p>With these parameters:</p>
    <pre>${JSON.stringify(parameters, null, 2)}</pre>`;
}

function rulesOf(gates: readonly GateShown[] | null): Html | null {
  if (gates === null || gates.length === 0) return null;
  const lines = gates.map(
    ({ source, gateName, version }) =>
      html`<li>${gateName} <span class="quiet">(${source}, version ${version})</span></li>`,
  );
  return html`<h2>Rules that ask</h2>
    <ul>
      ${lines}
    </ul>`;
}

function escalationsOf({ escalationPath, escalations }: ApprovalShown): Html | null {
  if (escalationPath.length === 0) return null;
  const lines = escalationPath.map(({ level, delayMs, escalateTo }) => {
    const taken = escalations.find((each) => each.level === level && each.delayMs === delayMs);
    const when =
      taken === undefined ? `after ${Math.round(delayMs / 60_000)} minutes` : html`since ${shownAt(taken.at)}`;
    return html`<li>${escalateTo}, ${when}</li>`;
  });
  return html`<p>It is escalated to:</p>
    <ul>
      ${lines}
    </ul>`;
}

function votesOf({ votes }: ApprovalShown): Html {
  if (votes.length === 0) return html`<p class="quiet">Nobody has answered yet.</p>`;
  const lines = votes.map(
    ({ userId, onBehalfOf, decision, at, comment }) =>
      html`<li>
        <strong class="${decision === 'APPROVE' ? 'good' : 'bad'}"
          >${decision === 'APPROVE' ? 'Approved' : 'Denied'}</strong
        >
        by ${userId}${onBehalfOf === undefined ? null : html` for ${onBehalfOf.userId}`},
        ${shownAt(at)}${comment === null ? null : html`: ${comment}`}
      </li>`,
  );
  return html`<ul>
    ${lines}
  </ul>`;
}

function withdrawnOf({ withdrawn = [] }: ApprovalShown): Html | null {
  if (withdrawn.length === 0) return null;
  const lines = withdrawn.map(
    ({ userId, decision, withdrawnBy, withdrawnAt, withdrawnWhy }) =>
      html`<li>
        ${decision === 'APPROVE' ? 'Approval' : 'Denial'} of ${userId}, taken back by ${withdrawnBy},
        ${shownAt(withdrawnAt)}${withdrawnWhy === null ? null : html`: ${withdrawnWhy}`}
      </li>`,
  );
  return html`<p class="quiet">Taken back, and counting nothing:</p>
    <ul>
      ${lines}
    </ul>`;
}

function withdrawalForm({ action, fields }: AnswerForm): Html {
  return html`<h2>Take your answer back</h2>
    <form method="post" action="${action}">
      ${hidden(fields)}
      <label for="reason">Reason, kept with it</label>
      <textarea id="reason" name="reason" rows="2" maxlength="${MAX_COMMENT}"></textarea>
      <button name="withdraw" value="yes">Take it back</button>
      <p class="quiet">You can answer again afterwards, as long as nothing is decided.</p>
    </form>`;
}

function answerForm({ intentHash }: ApprovalShown, { action, fields }: AnswerForm): Html {
  return html`<h2>Your answer</h2>
    <form method="post" action="${action}">
      ${hidden({ ...fields, intentHash })}
      <label for="comment">Comment, kept with your answer</label>
      <textarea id="comment" name="comment" rows="3" maxlength="${MAX_COMMENT}"></textarea>
      <button class="good" name="decision" value="APPROVE">Approve</button>
      <button class="bad" name="decision" value="DENY">Deny</button>
      <p class="quiet">Your answer is about exactly what stands here: ${intentHash.slice(0, 16)}…</p>
    </form>`;
}
