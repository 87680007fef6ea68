/** This process was taken for dead, and what it held is somebody else's now: nothing may be sent any more. */
export class HoldLost extends Error {
  constructor() {
    super('the effect is held by another process');
    this.name = 'HoldLost';
  }
}
