/**
 * How much longer than its time limit a call may take effect whose caller is gone or has given up, in ms: what is under
 * way in the network or waits in the target's queue cannot be recalled.
 */
export const STRAGGLER_MARGIN_MS = 5_000;
