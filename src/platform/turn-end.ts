// What is written at the end of a turn of the event loop, after all requests that came in with it, in one go: a caller
// that wakes with the first answer is awake for the others, and waking one that sleeps is an interrupt of another processor.
type Write = () => void;

let waiting: Write[] = [];

/** Calls `write` once, when the event loop has taken all that it had at hand. `write` does not throw. */
export function atTurnEnd(write: Write): void {
  if (waiting.push(write) === 1) setImmediate(writeAll);
}

// not an immediate for each: Node would run what every single write leaves to do before the next one
function writeAll(): void {
  const all = waiting;
  waiting = [];
  for (const write of all) write();
}
