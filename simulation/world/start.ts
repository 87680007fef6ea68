/** Business time at which every world begins, ms since 1970. */
export const START = Date.UTC(2026, 10, 21, 3, 0, 0);
