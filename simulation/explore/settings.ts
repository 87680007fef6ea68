import { MARKS } from '../world/cells.ts';
import { DEFAULT_SETTING, type Setting } from './setting.ts';

/** Small worlds by what they ask; the cheap ones first, so that what is wrong in an obvious way is told soon. */
export type NamedSetting = readonly [name: string, setting: Setting];

type Bounds = Pick<Setting, 'faults' | 'deaths' | 'acts'>;

function bounded(faults: number, deaths: number, acts: number): Bounds {
  return { faults, deaths, acts };
}

/** Each kind of target under the same bounds. A target that drops repeats is one of its own. */
function everyTarget(what: string, change: Partial<Setting>): readonly NamedSetting[] {
  return MARKS.flatMap((marks) =>
    (['state', 'native-key'] as const).map((idempotency): NamedSetting => {
      const setting = { ...DEFAULT_SETTING, ...change, marks, idempotency };
      const { faults, deaths, acts } = setting;
      return [`${what}: marks ${marks}, ${idempotency}; faults ${faults}, deaths ${deaths}, acts ${acts}`, setting];
    }),
  );
}

/** What is visited within seconds. */
export function smallSettings(change: Partial<Setting> = {}): readonly NamedSetting[] {
  return [
    ...everyTarget('two', { ...bounded(0, 0, 2), ...change }),
    ...everyTarget('two that end by themselves', { ...bounded(1, 0, 0), ttlMs: 3_000, ...change }),
    ...everyTarget('two, contained before', { ...bounded(0, 1, 1), original: 'contained', ...change }),
    ...everyTarget('two', { ...bounded(1, 0, 1), ...change }),
    // Nothing was ever found here that only a target that drops repeats shows; the long form visits that as well.
    ...everyTarget('two', { ...bounded(0, 1, 2), ...change }).filter(([, { idempotency }]) => idempotency === 'state'),
  ];
}

/** What is visited within an hour or so, besides the small ones. */
export function largeSettings(change: Partial<Setting> = {}): readonly NamedSetting[] {
  return [
    ...everyTarget('two', { ...bounded(0, 1, 2), ...change }),
    ...everyTarget('two', { ...bounded(1, 0, 2), ...change }),
    ...everyTarget('two', { ...bounded(1, 1, 1), ...change }),
    ...everyTarget('two that end by themselves', { ...bounded(1, 1, 0), ttlMs: 3_000, ...change }),
    ...everyTarget('two, contained before', { ...bounded(1, 0, 2), original: 'contained', ...change }),
    ...everyTarget('two', { ...bounded(2, 0, 1), ...change }),
    ...everyTarget('three', { ...bounded(0, 0, 3), executions: 3, ...change }),
    ...everyTarget('three', { ...bounded(0, 1, 2), executions: 3, ...change }),
    ...everyTarget('two', { ...bounded(1, 1, 2), ...change }),
  ];
}
