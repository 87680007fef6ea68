/**
 * `api`: takes requests and events in, and performs nothing. `worker`: performs effects, applies timers and keeps the log, and
 * answers only about its health. Roles other than `all` need a journal that processes share.
 */
export const ROLES = ['all', 'api', 'worker'] as const;
export type Role = (typeof ROLES)[number];
