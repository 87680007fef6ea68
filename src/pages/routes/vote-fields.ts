import { z } from 'zod';
import { MAX_COMMENT } from '../approval-page.ts';

/** What the form of an answer sends, whoever proves in which way who answers. */
export const VOTE_FIELDS = {
  decision: z.enum(['APPROVE', 'DENY']),
  intentHash: z.string().regex(/^[0-9a-f]{64}$/, 'is a SHA-256 in lower-case hexadecimal'),
  comment: z
    .string()
    .trim()
    .max(MAX_COMMENT)
    .refine((text) => text.isWellFormed(), 'holds a lone surrogate')
    .optional(),
};
