import { BUILTIN_CALENDARS } from '../../src/pipeline/deadlines/calendars/builtin.ts';
import type { Anchor, DeadlineRule, Limit, Stage } from '../../src/pipeline/deadlines/rule.ts';
import { BUILTIN_RULES } from '../../src/pipeline/deadlines/rules/builtin.ts';

/** The tables of `docs/deadlines.md`, made from the data; a test compares them. */
export function rulesMarkdown(): string {
  const head = [
    '| Rule | Stages | To | Reference | Sure | On | Looked at |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ];
  const calendars = BUILTIN_CALENDARS.map(
    ({ id, name, years }) => `| \`${id}\` | ${name} | ${Object.keys(years).join(', ')} |`,
  );
  return [
    ...head,
    ...BUILTIN_RULES.map(rowOf),
    '',
    '| Calendar | Days | Years |',
    '| --- | --- | --- |',
    ...calendars,
    '',
  ].join('\n');
}

function rowOf({
  id,
  regime,
  stages,
  recipient,
  reference,
  sureness,
  enabled,
  verifiedOn,
  reliefs,
  note,
}: DeadlineRule): string {
  const relieved = reliefs.map(({ kind, enabled: on }) => `${kind} ${on ? 'on' : 'off'}`);
  const cells = [
    `\`${id}\` (${regime})`,
    [...stages.map(stageOf), ...relieved, ...(note === undefined ? [] : [note])].join('<br>'),
    recipient,
    reference,
    sureness,
    enabled ? 'yes' : '**no**',
    verifiedOn,
  ];
  return `| ${cells.join(' | ')} |`;
}

function stageOf({ id, limits, target }: Stage): string {
  const words = limits.map(limitOf).join(', at most ');
  return `${id}: ${words === '' ? `"${target?.words}", own aim ${target?.hours} h` : words}`;
}

function limitOf({ after, count }: Limit): string {
  const first = 'firstDayCounts' in count ? ' (the first one counted)' : '';
  return `${count.amount} ${count.unit.replaceAll('-', ' ')}${first} after ${anchorOf(after)}`;
}

function anchorOf(anchor: Anchor): string {
  if ('event' in anchor) return `*${anchor.event}*`;
  return `${anchor.which === 'latest' ? 'the latest ' : ''}${anchor.submitted}`;
}
