/** What goes between a server and the threads that take digests of evidence. */

export const DIGEST_ALGORITHMS = ['sha256', 'sha512'] as const;
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

/** What a thread is given when it starts. */
export interface DigestThreadData {
  readonly algorithm: DigestAlgorithm;
}

/** About one content, by its number. Each `add` and each `finish` gets one answer, in the order of asking. */
export type DigestRequest =
  | { readonly content: number; readonly say: 'begin' | 'finish' | 'drop' }
  /** Lies in shared memory: it may be used again when the answer is there. */
  | { readonly content: number; readonly say: 'add'; readonly block: Uint8Array };

export type DigestAnswer =
  | { readonly content: number; readonly said: 'added' }
  /** What the thread has seen, in bytes, and its digest, hexadecimal. */
  | { readonly content: number; readonly said: 'finished'; readonly size: number; readonly digest: string };
