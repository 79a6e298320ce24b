/** Lines of one kind a second: an attack or an overload must not turn into disk writes. */
const MAX_LINES_PER_SECOND = 50;

/** Lets a bounded number of log lines through each second and counts the others. */
export class LineRate {
  private second = -1;
  private lines = 0;
  private dropped = 0;

  allows(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.lines = 0;
    }
    if (++this.lines <= MAX_LINES_PER_SECOND) return true;
    this.dropped++;
    return false;
  }

  /** How many lines were dropped since the last call, for the next line that is let through. */
  takeDropped(): number {
    const { dropped } = this;
    this.dropped = 0;
    return dropped;
  }
}
