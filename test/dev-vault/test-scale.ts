// How much the long tests do: what CI must always see, and more when asked for.
const FULL_FACTOR = 10;

/** At least `count`; ten times that with `KEYTENDER_TEST_FULL=1`. */
export function scaled(count: number): number {
  return process.env['KEYTENDER_TEST_FULL'] === '1' ? count * FULL_FACTOR : count;
}
