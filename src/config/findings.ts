// Collects what is wrong and what is odd while settings are read, so that all of it is told at once.
import { ConfigProblem } from './problem.js';

export class Findings {
  readonly problems: ConfigProblem[] = [];
  readonly warnings: string[] = [];

  problem(key: string, message: string, fix: string): void {
    this.problems.push(new ConfigProblem(key, message, fix));
  }

  warn(text: string): void {
    this.warnings.push(text);
  }
}
