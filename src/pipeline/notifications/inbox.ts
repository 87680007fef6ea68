import type { Resource } from '../service.ts';

/** One event of a stream; `place` is what to go on from behind it. */
export interface LiveEvent {
  readonly place: number;
  /** `hello`: from here on live. `reset`: too much was missed, read the list. */
  readonly type: 'hello' | 'reset' | 'notice' | 'read';
  readonly data: Resource | null;
}

/** Events that wait for one reader who does not take them: beyond it the stream ends, and goes on where it was when asked again. */
export const MAX_WAITING = 1_000;

/** What waits for one reader. */
export interface Inbox {
  /** What has come, in its order; empty when nothing has within `ms`; null when it is closed and empty. One caller at a time. */
  take(ms: number): Promise<readonly LiveEvent[] | null>;
  /** Puts an event behind the others. */
  add(event: LiveEvent): void;
  /** What is added waits until `begin`. */
  hold(): void;
  /** Puts events before all that was added since `hold`. */
  begin(events: readonly LiveEvent[]): void;
  close(): void;
  onClosed(closed: () => void): void;
}

export function openInbox(): Inbox {
  let waiting: LiveEvent[] = [];
  let isHeld = false;
  let isClosed = false;
  let wake: () => void = () => undefined;
  const onClosed: (() => void)[] = [];

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    for (const closed of onClosed) closed();
    wake();
  }

  const isReady = (): boolean => isClosed || (waiting.length > 0 && !isHeld);

  return {
    async take(ms) {
      if (!isReady()) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      if (isHeld && !isClosed) return [];
      const taken = waiting;
      waiting = [];
      return taken.length === 0 && isClosed ? null : taken;
    },
    add(event) {
      if (isClosed) return;
      waiting.push(event);
      if (waiting.length > MAX_WAITING) close();
      else if (!isHeld) wake();
    },
    hold() {
      isHeld = true;
    },
    begin(events) {
      waiting = [...events, ...waiting];
      isHeld = false;
      wake();
    },
    close,
    onClosed: (closed) => void onClosed.push(closed),
  };
}
