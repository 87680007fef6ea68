import { waitsFor, type ApprovalShown } from './approval-shown.ts';
import { heading } from './approval-page.ts';
import type { Resource } from '../pipeline/service.ts';
import { unreviewedUses } from './break-glass-shown.ts';
import { html, type Html } from './html.ts';
import { timeLeft } from './times.ts';
import type { Principal } from '../pipeline/access/principal.ts';

export interface ApprovalList {
  /** Newest first. */
  readonly approvals: readonly ApprovalShown[];
  /** How many wait altogether. */
  readonly total: number;
  readonly who: Pick<Principal, 'userId' | 'roles' | 'linkedAccounts'>;
  readonly now: number;
  /** Uses of break-glass that nobody else has looked at, newest first. */
  readonly unreviewed: { readonly items: readonly Resource[]; readonly total: number };
}

/** What waits for whoever looks, and then what waits for others. */
export function approvalList({ approvals, total, who, now, unreviewed }: ApprovalList): Html {
  const mine = approvals.filter((approval) => waitsFor(approval, who));
  const others = approvals.filter((approval) => !mine.includes(approval));
  const beyond = total - approvals.length;
  return html`<h1>Approvals</h1>
    ${unreviewedUses(unreviewed.items, unreviewed.total)}
    <h2>Waiting for you</h2>
    ${cards(mine, now, 'Nothing waits for you.')}
    <h2>Waiting for others</h2>
    ${cards(others, now, 'Nothing waits for others.')}
    ${beyond > 0 ? html`<p class="quiet">${beyond} older ones are not shown.</p>` : null}`;
}

function cards(approvals: readonly ApprovalShown[], now: number, none: string): Html {
  if (approvals.length === 0) return html`<p class="quiet">${none}</p>`;
  return html`<ul class="cards">
    ${approvals.map((approval) => card(approval, now))}
  </ul>`;
}

function card(approval: ApprovalShown, now: number): Html {
  const { id, riskLevel, playbookId, expiresAt } = approval;
  return html`<li>
    <p>
      <a href="/approvals/${encodeURIComponent(id)}"><strong>${heading(approval)}</strong></a>
    </p>
    <p>Risk ${riskLevel} · ${timeLeft(Date.parse(expiresAt), now)}</p>
    <p class="quiet">${playbookId}</p>
  </li>`;
}
