import { randomBytes } from 'node:crypto';
import { derivedId } from './hash.ts';

/** Where ids come from that do not follow from anything else. A parameter, so that tests know them beforehand. */
export interface Ids {
  next(prefix: string): string;
}

/** Unpredictable ids. */
export function randomIds(): Ids {
  return { next: (prefix) => derivedId(prefix, randomBytes(16).toString('hex')) };
}
