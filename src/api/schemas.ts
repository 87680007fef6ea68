import { z } from 'zod';
import { MAX_PAGE_SIZE, MAX_TEXT_LENGTH } from '../platform/limits.ts';
import { actionTypeOf } from '../pipeline/actions/registry.ts';
import { SEVERITIES } from '../pipeline/vocabulary.ts';

/** Items of a page when the caller does not say. */
const DEFAULT_PAGE_SIZE = 50;
/** Furthest item that `skip` reaches: beyond it a filter is the better question. */
const MAX_SKIP = 1_000_000;
/** Longest id of an account in another system, in UTF-16 units: an LDAP distinguished name fits. */
const MAX_ACCOUNT_ID = 512;

// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const PLAIN = /^[^\u0000-\u001f\u007f]*$/;

/** One of our own ids. */
export const ID = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:@+-]*$/, 'may hold letters, digits and . _ : @ + - only');

/** An account in another system: any well-formed text without control characters. */
export const ACCOUNT_ID = z
  .string()
  .min(1)
  .max(MAX_ACCOUNT_ID)
  .regex(PLAIN, 'may not hold control characters')
  .refine((text) => text.isWellFormed(), 'holds a lone surrogate');

/** A reason or a comment. */
export const TEXT = z.string().trim().min(1).max(MAX_TEXT_LENGTH);

/** SHA-256 in lower-case hexadecimal. */
export const SHA256 = z.string().regex(/^[0-9a-f]{64}$/, 'is a SHA-256 in lower-case hexadecimal');

/** `{id}` in an address. */
export const ID_PARAMS = z.strictObject({ id: ID });

export const PAGE = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(DEFAULT_PAGE_SIZE),
  skip: z.coerce.number().int().min(0).max(MAX_SKIP).default(0),
};

/** Either spelling; stored is one. */
export const ACTION_TYPE = z
  .string()
  .max(64)
  .transform((name, context) => {
    const type = actionTypeOf(name);
    if (type !== null) return type;
    context.addIssue({ code: 'custom', message: 'is not an action type' });
    return z.NEVER;
  });

/** Filters of lists; each route picks those that its service honours, and an unknown one is refused. */
export const FILTER = {
  status: z
    .string()
    .regex(/^[A-Z_]{1,40}$/, 'is a word in upper case')
    .optional(),
  severity: z.enum(SEVERITIES).optional(),
  riskLevel: z.enum(SEVERITIES).optional(),
  type: z
    .string()
    .regex(/^[A-Za-z0-9_]{1,64}$/, 'is one word')
    .optional(),
  actionType: ACTION_TYPE.optional(),
  userId: ACCOUNT_ID.optional(),
  incidentId: ID.optional(),
  executionId: ID.optional(),
  playbookId: ID.optional(),
  enabled: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
};

/** Any JSON object; its service says what is wrong with it. */
export const DEFINITION = z.record(z.string(), z.unknown());

export const RESOURCE = z.looseObject({ _id: z.string().optional(), id: z.string().optional() });

/** The envelope of one thing. */
export const ONE = z.object({
  success: z.literal(true),
  count: z.literal(1),
  data: RESOURCE,
  warnings: z.array(z.string()).optional(),
});

/** The envelope of a list: `count` in this page, `total` altogether. */
export const MANY = z.object({
  success: z.literal(true),
  count: z.int(),
  total: z.int(),
  limit: z.int(),
  skip: z.int(),
  data: z.array(RESOURCE),
});

const PROBLEM = z.object({
  success: z.literal(false),
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  errors: z.array(
    z.object({
      in: z.enum(['body', 'query', 'path', 'header']).optional(),
      pointer: z.string(),
      detail: z.string(),
    }),
  ),
  traceId: z.string().nullable(),
});

/** What every route may answer instead, for the API's description. */
export const PROBLEMS = {
  '4xx': { description: 'A problem of the request', content: { 'application/problem+json': { schema: PROBLEM } } },
  '5xx': { description: 'A problem of Firebreak', content: { 'application/problem+json': { schema: PROBLEM } } },
};

/** Schemas that the API's description names, so that a generated client has types for them. */
export const NAMED_SCHEMAS: readonly (readonly [string, z.ZodType])[] = [
  ['Resource', RESOURCE],
  ['One', ONE],
  ['Many', MANY],
  ['Problem', PROBLEM],
];
