import type { Mutant } from './instrument.ts';

/**
 * Draws `count` different mutants: a file by its size, then one of its mutants, each as likely as the other. The same
 * mutants, sizes and seed give the same draw.
 */
export function draw(
  mutants: readonly Mutant[],
  sizes: ReadonlyMap<string, number>,
  count: number,
  seed: number,
): readonly Mutant[] {
  const random = generator(seed);
  const left = new Map<string, Mutant[]>();
  for (const mutant of mutants) left.set(mutant.file, [...(left.get(mutant.file) ?? []), mutant]);
  const drawn: Mutant[] = [];
  while (drawn.length < count && left.size > 0) {
    const total = [...left.keys()].reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0);
    let place = random() * total;
    const file = [...left.keys()].find((each) => (place -= sizes.get(each) ?? 0) < 0) ?? '';
    const own = left.get(file) ?? [];
    drawn.push(...own.splice(Math.floor(random() * own.length), 1));
    if (own.length === 0) left.delete(file);
  }
  return drawn;
}

/**
 * Whether a mutant only changes a text that people read: a literal of several words, which no program compares. Of files
 * whose texts others sign or parse, only whole sentences.
 */
export function isProse({ kind, original, file }: Mutant): boolean {
  if (kind !== 'StringLiteral' || original.startsWith("'map<")) return false;
  const text = withoutExpressions(original.slice(1, -1));
  if (FORMATS.has(file)) return /^(?:[A-Z]|an |the )/.test(text);
  return /[A-Za-z][,.;:)]? [(`'$A-Za-z]|\$ (?:[(]|[A-Za-z]{2})/.test(text);
}

const FORMATS: ReadonlySet<string> = new Set([
  'src/pipeline/audit/checkpoint.ts',
  'src/pipeline/audit/cosignature.ts',
  'src/pipeline/audit/signed-note.ts',
]);

/** A template's text with `$` in the place of each expression. */
function withoutExpressions(template: string): string {
  let text = '';
  let depth = 0;
  for (let index = 0; index < template.length; index += 1) {
    const character = template.charAt(index);
    if (character === '{' && (depth > 0 || template[index - 1] === '$')) depth += 1;
    else if (character === '}' && depth > 0) depth -= 1;
    else if (depth === 0) text += character;
  }
  return text;
}

/** Numbers in [0, 1) from a seed: mulberry32. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
