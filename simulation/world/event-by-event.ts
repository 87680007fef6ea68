/** Events that are asked for in one turn of the real loop. */
const EVENTS_PER_TURN = 64;

/**
 * Calls `next` again and again until it says that there is nothing more. Between two calls every promise that is ready
 * has run: the only wait in real time. An immediate for each event in one turn of the loop costs half of a turn each.
 */
export function eventByEvent(next: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false;
    const one = (): void => {
      if (over) return;
      try {
        over = !next();
      } catch (thrown) {
        over = true;
        reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
      if (over) resolve();
    };
    const turn = (): void => {
      if (over) return;
      for (let count = 0; count < EVENTS_PER_TURN; count += 1) setImmediate(one); // oxlint-disable-line no-restricted-globals
      setImmediate(turn); // oxlint-disable-line no-restricted-globals
    };
    turn();
  });
}
