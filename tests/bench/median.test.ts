import { expect, it } from 'vitest';
import { medianOf } from '../../bench/median.ts';

it('takes the median of every number, wherever it stands, and is valid only as a whole', () => {
  const results = [5, 1, 9].map((value, index) => ({
    valid: index !== 1,
    name: 'x',
    levels: [
      { rate: value, none: null },
      { rate: -value, none: null },
    ],
  }));
  expect(medianOf(results)).toEqual({
    valid: false,
    name: 'x',
    levels: [
      { rate: 5, none: null },
      { rate: -5, none: null },
    ],
  });
});
