import { ENGINE_BUGS } from './engine-bugs.ts';
import { GOVERNANCE_BUGS } from './governance-bugs.ts';
import { SEAT_BUGS } from './seat-bugs.ts';
import type { PlantedBug } from './planted-bug.ts';

/** All planted bugs. */
export const PLANTED_BUGS: readonly PlantedBug[] = [...ENGINE_BUGS, ...GOVERNANCE_BUGS, ...SEAT_BUGS];
