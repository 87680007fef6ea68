/**
 * Everything is paused, or the execution was stopped: a call was kept back before its first byte. By a pause it may also have been cut
 * off between two of its requests.
 */
export class KeptBack extends Error {
  /** Whether requests of the call had been sent before: then what became of it has to be read. */
  readonly begun: boolean;
  constructor(begun: boolean) {
    super('everything is paused, or it was stopped');
    this.name = 'KeptBack';
    this.begun = begun;
  }
}
