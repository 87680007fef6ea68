/** Everything is paused: a call was kept back before its first byte, or cut off between two of its requests. */
export class KeptBack extends Error {
  /** Whether requests of the call had been sent before: then what became of it has to be read. */
  readonly begun: boolean;
  constructor(begun: boolean) {
    super('everything is paused');
    this.name = 'KeptBack';
    this.begun = begun;
  }
}
