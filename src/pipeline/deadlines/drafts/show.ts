import { shownTime, type Resource } from '../../service.ts';
import { draftStatusOf, type Draft } from './draft.ts';
import { missingIn } from './fill.ts';
import { markdownOf, textOf } from './render.ts';

/** A draft as the API shows it; `whole` with its text in each form, `summary` without. */
export function shownDraft(id: string, draft: Draft, how: 'whole' | 'summary'): Resource {
  const { about, document, hash, approved, withdrawn } = draft;
  const { sections, title } = document;
  const missing = [...missingIn(document)];
  return {
    id,
    ...about,
    title,
    status: draftStatusOf(draft),
    hash,
    missingCount: missing.length,
    authors: draft.authors.map(({ by }) => by),
    approvedBy: approved?.by ?? null,
    approvedAt: shownTime(approved?.at),
    submissions: draft.submissions.map(({ submittedAt, at, ...submission }) => ({
      ...submission,
      submittedAt: shownTime(submittedAt),
      recordedAt: shownTime(at),
    })),
    withdrawnBy: withdrawn?.by ?? null,
    withdrawnReason: withdrawn?.reason ?? null,
    madeAt: shownTime(draft.madeAt),
    changedAt: shownTime(draft.changedAt),
    version: draft.version,
    ...(how === 'summary'
      ? {}
      : {
          missing,
          sections: sections.map((each) => ({ ...each })),
          text: textOf(document),
          markdown: markdownOf(document),
        }),
  };
}
