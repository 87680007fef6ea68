import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DEFAULT_MATRIX } from '../../src/pipeline/incidents/decision-matrix.ts';
import { matrixTable } from '../../src/pipeline/incidents/matrix-table.ts';

const PAGE = new URL('../../docs/decision-matrix.md', import.meta.url);

/** Cells without the spaces that a formatter adds. */
function cellsOf(table: string): readonly string[] {
  return table
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^[|\s-]+$/.test(line))
    .map((line) => line.replace(/\s+\|/g, ' |').replace(/\|\s+/g, '| '));
}

it('the page shows the default matrix as it is', () => {
  const page = readFileSync(PAGE, 'utf8');
  const [, table = ''] = /<!-- matrix:begin -->\n([\s\S]*?)<!-- matrix:end -->/.exec(page) ?? [];
  const shown = cellsOf(table);
  expect(shown).toHaveLength(17);
  expect(shown).toEqual(cellsOf(matrixTable(DEFAULT_MATRIX)));
});

it('what people write into a cell stays in its column', () => {
  const [first] = DEFAULT_MATRIX.cells;
  const cells = first === undefined ? [] : [{ ...first, requiredAction: 'a | b <script>' }];
  expect(matrixTable({ cells }).split('\n').at(-1)).toContain('a \\| b \\<script\\>');
});
