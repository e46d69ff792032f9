// One connection that sends one prepared request at a time over a plain socket, and knows when its answer is whole. Only
// for answers with a `content-length`, which all of those that are measured have.
import { connect, type Socket } from 'node:net';

export class SimpleClient implements Disposable {
  readonly #port: number;
  #socket: Socket | null = null;
  #received: Buffer[] = [];
  #bytes = 0;
  /** Of head and body; null: the head is not there yet. */
  #length: number | null = null;
  #bodyAt = 0;
  #status = 0;
  #body = '';
  #settle: { resolve: (status: number) => void; reject: (error: Error) => void } | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  /** Of the last answer, where it was short. */
  get body(): string {
    return this.#body;
  }

  open(): Promise<Socket> {
    const there = this.#socket;
    if (there !== null) return Promise.resolve(there);
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, '127.0.0.1');
      socket.setNoDelay(true);
      socket.on('data', (chunk) => {
        this.#take(chunk);
      });
      socket.on('error', (error) => {
        reject(error);
        this.#settle?.reject(error);
      });
      socket.on('close', () => this.#settle?.reject(new Error('closed')));
      socket.once('connect', () => {
        this.#socket = socket;
        resolve(socket);
      });
    });
  }

  /** Resolves with the status. */
  async send(bytes: Buffer): Promise<number> {
    const socket = this.#socket ?? (await this.open());
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      socket.write(bytes);
    });
  }

  [Symbol.dispose](): void {
    this.#settle = null;
    this.#socket?.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#bytes += chunk.length;
    if (this.#length === null) this.#readHead();
    if (this.#length === null || this.#bytes < this.#length) return;
    if (this.#bytes < 4096) {
      this.#body = Buffer.concat(this.#received).toString('utf8', this.#bodyAt);
    }
    const settle = this.#settle;
    this.#received = [];
    this.#bytes = 0;
    this.#length = null;
    this.#settle = null;
    settle?.resolve(this.#status);
  }

  #readHead(): void {
    const [only] = this.#received;
    const whole =
      this.#received.length === 1 && only !== undefined ? only : Buffer.concat(this.#received);
    const end = whole.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = whole.toString('latin1', 0, end);
    this.#status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    if (length === undefined) this.#settle?.reject(new Error('no content-length'));
    this.#bodyAt = end + 4;
    this.#length = this.#bodyAt + Number(length ?? 0);
  }
}
