// Which fault happens to which request: rules in the order they were added, the first that matches. Decides only; what
// a fault does to a connection is elsewhere.
import { isServerFault, type Fault, type RequestFault } from './fault.js';
import { seededRandom } from './seeded-random.js';

export interface AddedFault {
  /** How many requests it happened to. */
  readonly count: number;
  remove(): void;
}

/** Faults for the tests to add; the server asks `take` for each request. */
export interface FaultInjector {
  add(fault: Fault): AddedFault;
  clear(): void;
}

interface Rule {
  readonly fault: Fault;
  matched: number;
  happened: number;
}

export class FaultRules implements FaultInjector {
  readonly #random: () => number;
  readonly #onChange: () => void;
  #rules: Rule[] = [];

  /** `onChange`: called after rules came or went, for those that are about the server itself. */
  constructor(seed: number, onChange: () => void) {
    this.#random = seededRandom(seed);
    this.#onChange = onChange;
  }

  add(fault: Fault): AddedFault {
    checkFault(fault);
    const rule: Rule = { fault, matched: 0, happened: 0 };
    this.#rules.push(rule);
    this.#onChange();
    return {
      get count() {
        return rule.happened;
      },
      remove: () => {
        this.#rules = this.#rules.filter((other) => other !== rule);
        this.#onChange();
      },
    };
  }

  clear(): void {
    this.#rules = [];
    this.#onChange();
  }

  /** The fault that this request has. Counts it. `path` is below `/v1/`. */
  take(method: string, path: string): RequestFault | undefined {
    for (const rule of this.#rules) {
      const { fault } = rule;
      if (isServerFault(fault) || !isAbout(fault, method, path)) continue;
      if (fault.times !== undefined && rule.happened >= fault.times) continue;
      rule.matched += 1;
      if (rule.matched <= (fault.skip ?? 0)) continue;
      if (fault.probability !== undefined && this.#random() >= fault.probability) continue;
      rule.happened += 1;
      return fault;
    }
    return undefined;
  }

  get refuses(): boolean {
    return this.#has('refuse');
  }

  get hangsAtConnect(): boolean {
    return this.#has('hang-at-connect');
  }

  #has(kind: Fault['kind']): boolean {
    return this.#rules.some(({ fault }) => fault.kind === kind);
  }

  get clockOffsetMs(): number {
    let sum = 0;
    for (const { fault } of this.#rules) if (fault.kind === 'clock') sum += fault.offsetMs;
    return sum;
  }
}

function isAbout(fault: RequestFault, method: string, path: string): boolean {
  if (fault.method !== undefined && fault.method.toUpperCase() !== method) return false;
  if (fault.path === undefined) return true;
  if (fault.path instanceof RegExp) return path.search(fault.path) !== -1;
  return fault.path.endsWith('*') ? path.startsWith(fault.path.slice(0, -1)) : path === fault.path;
}

/** Throws `RangeError` for numbers that no fault can have. */
function checkFault(fault: Fault): void {
  if (isServerFault(fault)) return;
  const { probability, times, skip } = fault;
  if (probability !== undefined && !(probability >= 0 && probability <= 1)) {
    throw new RangeError(`fault probability must be 0 to 1, got ${probability}`);
  }
  if ([times, skip].some((count) => count !== undefined && !(count >= 0))) {
    throw new RangeError('fault times and skip must be 0 or more');
  }
  if (fault.kind === 'status' && !(fault.status >= 200 && fault.status <= 999)) {
    throw new RangeError(`fault status must be 200 to 999, got ${fault.status}`);
  }
}
