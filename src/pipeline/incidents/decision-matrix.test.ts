import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Asset } from '../inventory/asset.ts';
import { inventoryIndex, NO_INVENTORY } from '../inventory/inventory-index.ts';
import { SEVERITIES, severityRank } from '../vocabulary.ts';
import { decideBy, DECIDE_BY_DEFAULT, matrixInForce, type DecisionFacts } from './decide.ts';
import { cellOf, CONFIDENCES, DEFAULT_MATRIX, type DecisionMatrix, type MatrixCell } from './decision-matrix.ts';
import { readMatrix } from './read-matrix.ts';
import { weakerMatrix } from './weaker-matrix.ts';

type CellChange = (cell: MatrixCell) => Partial<MatrixCell>;

/** The default with one cell changed. */
function withCell(name: string, change: CellChange): DecisionMatrix {
  const [impact, confidence] = name.split('/');
  const cells = DEFAULT_MATRIX.cells.map((cell) =>
    cell.impact === impact && cell.confidence === confidence ? { ...cell, ...change(cell) } : cell,
  );
  return { ...DEFAULT_MATRIX, cells };
}

function faults(value: unknown): readonly string[] {
  const read = readMatrix(value);
  return 'faults' in read ? read.faults.map(({ pointer, detail }) => `${pointer}: ${detail}`) : [];
}

describe('the default matrix', () => {
  it('holds the four rows of the request, and marks them', () => {
    const seeds = DEFAULT_MATRIX.cells.filter(({ source }) => source === 'seed');
    expect(
      seeds.map(({ impact, confidence, severity, approvers, regulatoryTrigger, requiredAction }) =>
        [severity, impact, confidence, requiredAction, approvers.join(' + '), regulatoryTrigger].join(' | '),
      ),
    ).toEqual([
      'LOW | LOW | HIGH | Auto-contain, log, notify SOC |  | NONE',
      'MEDIUM | MEDIUM | MEDIUM | Contain host, disable creds, notify IR lead | IR_LEAD | INTERNAL_TRACKING',
      'HIGH | HIGH | HIGH | Isolate, image disk, notify CISO/Legal | CISO | WITHIN_72_HOURS',
      'CRITICAL | CRITICAL | CONFIRMED | Full containment, legal hold, PR prep, regulator notification | CISO + LEGAL | IMMEDIATE',
    ]);
  });

  it('contains reversibly and asks where confidence is low and impact is high, and nowhere else', () => {
    const cells = DEFAULT_MATRIX.cells.filter(({ containReversiblyAndAsk }) => containReversiblyAndAsk);
    expect(cells.map(({ impact, confidence }) => `${impact}/${confidence}`)).toEqual(['HIGH/LOW', 'CRITICAL/LOW']);
  });

  it('can be saved as it is', () => {
    expect(readMatrix(JSON.parse(JSON.stringify(DEFAULT_MATRIX)))).toEqual(DEFAULT_MATRIX);
    expect(readMatrix({ ...DEFAULT_MATRIX, cells: [...DEFAULT_MATRIX.cells].reverse() })).toEqual(DEFAULT_MATRIX);
  });
});

describe('saving a matrix', () => {
  it('refuses that more impact or more confidence lowers the severity, and names the cells', () => {
    expect(faults(withCell('HIGH/CONFIRMED', () => ({ severity: 'LOW' })))).toEqual([
      '/cells/11/severity: HIGH/CONFIRMED is LOW, below MEDIUM/CONFIRMED (HIGH): neither more impact nor more confidence may lower it.',
      '/cells/11/severity: HIGH/CONFIRMED is LOW, below HIGH/HIGH (HIGH): neither more impact nor more confidence may lower it.',
    ]);
  });

  it('saves exactly the matrices whose severities never fall', () => {
    const severities = fc.array(fc.constantFrom(...SEVERITIES), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(severities, (given) => {
        const cells = DEFAULT_MATRIX.cells.map((cell, index) => ({ ...cell, severity: given[index] ?? 'LOW' }));
        const rank = (row: number, column: number) => severityRank(given[row * 4 + column] ?? 'LOW');
        let falls = false;
        for (let row = 0; row < 4; row += 1)
          for (let column = 0; column < 4; column += 1)
            for (let other = 0; other < 16; other += 1)
              if (other >> 2 <= row && other % 4 <= column && rank(other >> 2, other % 4) > rank(row, column))
                falls = true;
        expect('faults' in readMatrix({ ...DEFAULT_MATRIX, cells })).toBe(falls);
      }),
    );
  });

  it.each<[string, unknown, string]>([
    ['a missing cell', { ...DEFAULT_MATRIX, cells: DEFAULT_MATRIX.cells.slice(1) }, 'The cell LOW/LOW is missing'],
    [
      'a cell twice',
      { ...DEFAULT_MATRIX, cells: [...DEFAULT_MATRIX.cells.slice(1), DEFAULT_MATRIX.cells[1]] },
      'LOW/MEDIUM stands here twice',
    ],
    [
      'bounds that do not rise',
      { ...DEFAULT_MATRIX, confidenceBounds: { medium: 70, high: 40, confirmed: 90 } },
      'The bounds have to rise',
    ],
    [
      'the rule elsewhere',
      withCell('HIGH/HIGH', () => ({ containReversiblyAndAsk: true })),
      'cannot contain before it asks',
    ],
    [
      'a role that nobody has',
      { ...DEFAULT_MATRIX, cells: [{ ...DEFAULT_MATRIX.cells[0], approvers: ['BOSS'] }] },
      '/cells/0/approvers/0: ',
    ],
    ['a class of data that there is not', { ...DEFAULT_MATRIX, impactOfData: { pets: 'LOW' } }, '/impactOfData'],
    ['a provisional time of a week', { ...DEFAULT_MATRIX, provisionalTtlMs: 604_800_000 }, '/provisionalTtlMs'],
    ['another member', { ...DEFAULT_MATRIX, colour: 'red' }, 'Unrecognized key'],
    ['nothing', null, 'expected object'],
  ])('refuses %s', (_what, value, detail) => {
    expect(faults(value).join('\n')).toContain(detail);
  });
});

describe('a weaker matrix', () => {
  it.each<[string, DecisionMatrix, string]>([
    ['a lower severity', withCell('HIGH/HIGH', () => ({ severity: 'MEDIUM' })), 'HIGH/HIGH is MEDIUM, not HIGH'],
    [
      'an approver less',
      withCell('CRITICAL/CONFIRMED', () => ({ approvers: ['CISO'] })),
      'LEGAL approves no longer at CRITICAL/CONFIRMED',
    ],
    [
      'a later regulator',
      withCell('HIGH/HIGH', () => ({ regulatoryTrigger: 'NONE' })),
      'the regulatory trigger of HIGH/HIGH',
    ],
    [
      'no containment at once',
      withCell('HIGH/LOW', () => ({ containReversiblyAndAsk: false })),
      'HIGH/LOW contains nothing any more',
    ],
    ['fewer asked', { ...DEFAULT_MATRIX, gates: 'NEVER' }, 'are asked NEVER'],
    [
      'a higher bound',
      { ...DEFAULT_MATRIX, confidenceBounds: { medium: 40, high: 80, confirmed: 90 } },
      'high from 80',
    ],
    [
      'less for personal data',
      { ...DEFAULT_MATRIX, impactOfData: { ...DEFAULT_MATRIX.impactOfData, pii: 'LOW' } },
      'class pii',
    ],
    ['a longer time without a person', { ...DEFAULT_MATRIX, provisionalTtlMs: 86_400_000 }, 'lasts 86400000 ms'],
  ])('is one with %s', (_what, after, sentence) => {
    expect(weakerMatrix(DEFAULT_MATRIX, after)).toEqual([expect.stringContaining(sentence)]);
  });

  it('is none that is graver, or asks more people', () => {
    const graver = withCell('MEDIUM/HIGH', (cell) => ({ severity: 'HIGH', approvers: [...cell.approvers, 'CISO'] }));
    expect(weakerMatrix(DEFAULT_MATRIX, { ...graver, gates: 'ALWAYS' })).toEqual([]);
    const before = withCell('HIGH/LOW', () => ({ containReversiblyAndAsk: false }));
    expect(weakerMatrix(before, DEFAULT_MATRIX)).toEqual(['HIGH/LOW contains before anybody is asked']);
  });
});

const asset = (more: Partial<Asset>): Asset => ({
  type: 'host',
  id: 'h',
  names: [],
  owner: null,
  criticality: 'LOW',
  environment: null,
  dataClasses: [],
  vendors: [],
  ...more,
});

const INVENTORY = inventoryIndex(3, 'abc', [
  asset({ type: 'user', id: 'cfo', criticality: 'CRITICAL' }),
  asset({ type: 'user', id: 'intern', criticality: 'LOW' }),
  asset({ id: 'db', criticality: 'MEDIUM', dataClasses: ['pii'], vendors: ['acme'] }),
  asset({ id: 'bench', environment: 'test' }),
]);
const decide = decideBy(matrixInForce(DEFAULT_MATRIX, 0), INVENTORY);
const FRESH = { decision: null, floor: null };

function facts(more: Partial<DecisionFacts>): DecisionFacts {
  return { subject: { type: 'user', id: 'cfo' }, accounts: [], systems: [], confidence: 75, ...more };
}

describe('deciding', () => {
  it('takes the worst of criticality and data, and says from which asset', () => {
    const decision = decide(facts({ subject: { type: 'host', id: 'db' } }), FRESH);
    expect(decision).toMatchObject({
      impact: 'HIGH',
      impactFrom: 'inventory',
      cell: 'HIGH/HIGH',
      severity: 'HIGH',
      binding: true,
    });
    expect(decision.because).toBe(
      'The impact is HIGH: the subject host db is of MEDIUM criticality and holds pii. A confidence of 75 is HIGH. So the matrix says HIGH.',
    );
    expect(decision.matrix.version).toBe(0);
    expect(decision.inventory).toEqual({ version: 3, hash: 'abc' });
  });

  it('assumes MEDIUM of what nobody has listed, and binds nobody by it', () => {
    for (const [given, inventory] of [
      [{ type: 'user', id: 'nobody' }, INVENTORY],
      [{ type: 'user', id: 'cfo' }, NO_INVENTORY],
    ] as const) {
      const decision = decideBy(matrixInForce(DEFAULT_MATRIX, 0), inventory)(facts({ subject: given }), FRESH);
      expect(decision).toMatchObject({ impact: 'MEDIUM', impactFrom: 'assumed', binding: false });
    }
    // A known account of little matter beside an unknown one does not make the incident small.
    const mixed = decide(facts({ subject: { type: 'user', id: 'intern' }, accounts: ['intern', 'nobody'] }), FRESH);
    expect(mixed).toMatchObject({ impact: 'MEDIUM', impactFrom: 'assumed' });
    expect(decide(facts({ subject: { type: 'user', id: 'intern' }, accounts: ['intern'] }), FRESH).impact).toBe('LOW');
  });

  it('looks at whom an address from outside attacks, not at the address', () => {
    const attacked = facts({ subject: { type: 'ip', id: '203.0.113.9' }, accounts: ['intern'] });
    expect(decide(attacked, FRESH)).toMatchObject({ impact: 'LOW', impactFrom: 'inventory' });
  });

  it('is asked always, or never, where the matrix says so', () => {
    const unknown = facts({ subject: { type: 'user', id: 'nobody' } });
    const always = decideBy(matrixInForce({ ...DEFAULT_MATRIX, gates: 'ALWAYS' }, 1), NO_INVENTORY);
    const never = decideBy(matrixInForce({ ...DEFAULT_MATRIX, gates: 'NEVER' }, 1), INVENTORY);
    expect([always(unknown, FRESH).binding, never(facts({}), FRESH).binding]).toEqual([true, false]);
  });

  it('only ever grows graver', () => {
    const before = decide(facts({ confidence: 20 }), FRESH);
    const later = DECIDE_BY_DEFAULT(facts({ confidence: 95 }), { decision: before, floor: 'CRITICAL' });
    expect(later).toMatchObject({ impact: 'CRITICAL', impactFrom: 'inventory', cell: 'CRITICAL/CONFIRMED' });
    expect(decide(facts({ subject: { type: 'user', id: 'intern' } }), { decision: null, floor: 'HIGH' })).toMatchObject(
      {
        impact: 'HIGH',
        impactFrom: 'earlier',
        binding: false,
      },
    );
  });

  it('follows the cell for every impact and confidence', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SEVERITIES), fc.integer({ min: 0, max: 100 }), (criticality, confidence) => {
        const inventory = inventoryIndex(1, 'x', [asset({ type: 'user', id: 'cfo', criticality })]);
        const decision = decideBy(matrixInForce(DEFAULT_MATRIX, 0), inventory)(facts({ confidence }), FRESH);
        const column = CONFIDENCES[[40, 70, 90].filter((bound) => confidence >= bound).length] ?? 'LOW';
        const cell = cellOf(DEFAULT_MATRIX, criticality, column);
        expect([decision.severity, decision.approvers]).toEqual([cell.severity, cell.approvers]);
      }),
    );
  });
});
