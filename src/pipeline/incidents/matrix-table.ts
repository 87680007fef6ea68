import { cellName, type DecisionMatrix } from './decision-matrix.ts';

/** A matrix as a table for people, one row for each cell, as `docs/decision-matrix.md` holds it for the default one. */
export function matrixTable({ cells }: Pick<DecisionMatrix, 'cells'>): string {
  const rows = cells.map((cell) => {
    const { severity, requiredAction, approvers, regulatoryTrigger, containReversiblyAndAsk, actions, source } = cell;
    const rule = containReversiblyAndAsk ? 'contain reversibly and ask' : '';
    const asked = approvers.length === 0 ? 'nobody' : approvers.join(' and ');
    return [cellName(cell), severity, requiredAction, asked, regulatoryTrigger, actions.join(', '), rule, source];
  });
  const head = [
    'Impact/confidence',
    'Severity',
    'Required action',
    'Approved by',
    'Regulator',
    'Recommended',
    'Rule',
    'From',
  ];
  const line = (columns: readonly string[]): string => `| ${columns.map(escaped).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** What people write into a cell must not make another column, or markup. */
function escaped(text: string): string {
  return text.replace(/[\\|<>&`*_[\]]/g, (sign) => (sign === '_' ? sign : `\\${sign}`));
}
