export function hash(
  algorithm: string,
  data: string | Uint8Array,
  encoding: 'hex' | 'base64url' | 'buffer',
): string | Uint8Array;
