import { z } from 'zod';
import type { Resource } from '../pipeline/service.ts';
import { html, type Html } from './html.ts';
import { shownAt } from './times.ts';

/** Uses of break-glass that nobody else has looked at: they stand in red over the list until somebody has. */

const ENTRY = z.looseObject({
  id: z.string(),
  by: z.string(),
  approvalId: z.string(),
  actionType: z.string(),
  reason: z.string(),
  at: z.string(),
});

/** What a page shows of an approval that one person decided alone. */
export const BROKEN_GLASS = z.looseObject({
  useId: z.string(),
  userId: z.string(),
  reason: z.string(),
  declarationId: z.string(),
  at: z.string(),
});

/** @param total how many there are altogether. */
export function unreviewedUses(entries: readonly Resource[], total: number): Html | null {
  if (entries.length === 0) return null;
  const lines = entries
    .map((entry) => ENTRY.parse(entry))
    .map(
      ({ id, by, approvalId, actionType, reason, at }) =>
        html`<li>
          <a href="/approvals/${encodeURIComponent(approvalId)}">${actionType}</a> by ${by} alone, ${shownAt(at)}:
          ${reason} <span class="quiet">${id}</span>
        </li>`,
    );
  const beyond = total - entries.length;
  return html`<section class="notice bad">
    <h2>Break-glass: used, and not reviewed</h2>
    <ul>
      ${lines}
    </ul>
    ${beyond > 0 ? html`<p>${beyond} older ones are not shown.</p>` : null}
  </section>`;
}

export function brokenGlassNotice(broken: z.infer<typeof BROKEN_GLASS> | undefined): Html | null {
  if (broken === undefined) return null;
  const { useId, userId, reason, declarationId, at } = broken;
  return html`<p class="notice bad">
    <strong>Break-glass:</strong> ${userId} decided alone, ${shownAt(at)}: ${reason}
    <span class="quiet">(${useId}, declared as ${declarationId})</span>
  </p>`;
}
