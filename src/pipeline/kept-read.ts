/** A reading of something that changes seldom, kept in memory where nobody else can change it. */
export interface KeptRead<Value> {
  read(): Promise<Value>;
  /** Reads anew the next time. */
  forget(): void;
}

/** @param journal where other processes share it, it is read each time: nobody here is told of what they change. */
export function keptRead<Value>(journal: { readonly shared: boolean }, load: () => Promise<Value>): KeptRead<Value> {
  let kept: Promise<Value> | null = null;
  return {
    read() {
      if (kept !== null && !journal.shared) return kept;
      const loading = load();
      kept = loading;
      // A journal that could not be read now may be readable the next time.
      loading.catch(() => {
        if (kept === loading) kept = null;
      });
      return loading;
    },
    forget() {
      kept = null;
    },
  };
}
