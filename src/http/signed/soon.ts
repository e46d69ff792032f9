// What is there already, or comes later. Nearly every request is answered without waiting for anything, and then no promise
// is made for it: each hop through one costs as much as a check of a header.

export type Soon<T> = T | Promise<T>;

/** `next` of it, at once where it is there. Rejects for what `next` throws later; throws what it throws at once. */
export function whenThere<T, R>(value: Soon<T>, next: (value: T) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
