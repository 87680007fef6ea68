import type { FastifyReply } from 'fastify';
import type { Answer, IfMatch, Listing, Resource } from '../pipeline/service.ts';

/** `{success, count, data}` around one thing; its version becomes the `ETag`. 202 where it waits for somebody else. */
export function one(answer: Answer, reply: FastifyReply) {
  if (answer.version !== undefined) void reply.header('etag', `"${answer.version}"`);
  if (answer.pending === true) void reply.code(202);
  const warnings = answer.warnings ?? [];
  const envelope = { success: true, count: 1, data: withBothIds(answer.data) } as const;
  return warnings.length === 0 ? envelope : { ...envelope, warnings: [...warnings] };
}

/** As `one`, for something that was made now: 201 and its `Location`. */
export function created(answer: Answer, reply: FastifyReply, collection: string) {
  const { id } = answer.data;
  if (answer.pending === true) return one(answer, reply);
  if (typeof id === 'string') void reply.header('location', `${collection}/${encodeURIComponent(id)}`);
  void reply.code(201);
  return one(answer, reply);
}

/** `{success, count, total, limit, skip, data}` around a page of a list. */
export function many(listing: Listing, page: { readonly limit: number; readonly skip: number }) {
  const data = listing.items.map(withBothIds);
  const { limit, skip } = page;
  return { success: true, count: data.length, total: listing.total, limit, skip, data } as const;
}

/** Carries `_id` equal to the id, as clients of the first API expect it. */
function withBothIds(data: Resource): Resource {
  return typeof data['id'] === 'string' && data['_id'] === undefined ? { _id: data['id'], ...data } : data;
}

/**
 * Versions that an `If-Match` header names: null when it is absent or `*`. Weak and foreign tags match nothing
 * (RFC 9110 section 13.1.1 asks for the strong comparison), so they leave the list empty.
 */
export function ifMatchOf(header: string | undefined): IfMatch {
  if (header === undefined || header.trim() === '*') return null;
  return header.split(',').flatMap((tag) => {
    const version = /^"(\d{1,9})"$/.exec(tag.trim())?.[1];
    return version === undefined ? [] : [Number(version)];
  });
}
