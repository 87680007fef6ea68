import type { Runbook } from '../runbook.ts';
import { nearestWord } from './nearest-word.ts';
import type { Finding } from './problem.ts';
import { REGIME_TAGS, regimeName, regimeOf } from './regimes.ts';
import type { Writer } from './writer.ts';

/** Tags that are no regime, duties without their step, and deadlines after those of the law. */
export function regimeFindings(runbook: Runbook, writer: Writer): readonly Finding[] {
  const tags = runbook.metadata.complianceTags;
  const known = tags.filter((tag) => regimeOf(tag) !== null);
  return [
    ...tags.flatMap((tag, index) => unknownTag(tag, index, writer)),
    ...missingSteps(runbook, known, writer),
    ...lateDeadlines(runbook, known, writer),
  ];
}

function unknownTag(tag: string, index: number, writer: Writer): readonly Finding[] {
  if (regimeName(tag) !== null) return [];
  const nearest = nearestWord(tag.trim().toUpperCase(), Object.keys(REGIME_TAGS));
  const pointer = `/metadata/compliance_tags/${index}`;
  const edit = nearest === null ? null : writer.replaceValue(pointer, nearest);
  return [
    {
      rule: 'unknown-tag',
      pointer,
      message: `${tag} is not a known regime; no duty is checked for it`,
      fix: nearest === null ? 'Correct it, or leave it for your own use.' : `Write ${nearest}.`,
      repairs: edit === null ? [] : [[edit]],
    },
  ];
}

function missingSteps({ playbooks, places }: Runbook, tags: readonly string[], writer: Writer): readonly Finding[] {
  const duties = tags.filter((tag) => regimeOf(tag)?.notifies === true);
  if (duties.length === 0) return [];
  return playbooks.flatMap(({ severity, pointer, stages }): readonly Finding[] => {
    const serious = severity === 'HIGH' || severity === 'CRITICAL';
    if (!serious || stages.flat().some(({ action }) => action === 'NOTIFY_REGULATORY_CONTACT')) return [];
    const edit = writer.addItem(`${pointer}/steps`, { action: 'notify_regulatory_contact' });
    const place = places.key(pointer);
    return [
      {
        rule: 'missing-regulatory-step',
        pointer,
        message: `The tags ${duties.join(', ')} ask for a notification, but ${severity.toLowerCase()} has no notify_regulatory_contact`,
        fix: 'Add a step with the action notify_regulatory_contact.',
        repairs: edit === null ? [] : [[edit]],
        ...(place === null ? {} : { place }),
      },
    ];
  });
}

function lateDeadlines({ playbooks }: Runbook, tags: readonly string[], writer: Writer): readonly Finding[] {
  const limits = tags.flatMap((tag) => regimeOf(tag)?.latestHours ?? []);
  if (limits.length === 0) return [];
  const latest = Math.min(...limits);
  return playbooks.flatMap(({ stages }) =>
    stages.flat().flatMap(({ deadlineHours, pointer }): readonly Finding[] => {
      if (deadlineHours === undefined || deadlineHours <= latest) return [];
      const at = `${pointer}/deadline_hours`;
      const edit = writer.replaceValue(at, latest);
      const message = `${deadlineHours} hours are later than the ${latest} that the declared tags allow`;
      const repairs = edit === null ? [] : [[edit]];
      return [{ rule: 'deadline-too-late', pointer: at, message, fix: `Write ${latest} or less.`, repairs }];
    }),
  );
}
