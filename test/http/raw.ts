// A client that sends exactly the bytes it is told to, and reads answers without a parser's forgiveness.
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Opens a connection. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

/** Everything that arrives until the other side closes. */
export async function readToEnd(socket: Socket, withinMs = 5000): Promise<string> {
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (text += chunk));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`still open after ${withinMs} ms, having said: ${text}`));
    }, withinMs);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return text;
}

/** Reads until what arrived satisfies `isEnough`. */
export async function readUntil(
  socket: Socket,
  isEnough: (text: string) => boolean,
): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (!isEnough(text)) return;
      socket.off('data', onData);
      resolve(text);
    };
    socket.on('data', onData);
    socket.once('close', () => {
      reject(new Error(`closed, having said: ${text}`));
    });
  });
}

/** Sends the bytes on a connection of their own and reads to its end. */
export async function sendRaw(port: number, bytes: string): Promise<RawAnswer> {
  const socket = await dial(port);
  const answer = readToEnd(socket);
  socket.write(bytes, 'latin1');
  return parseAnswer(await answer);
}

export function parseAnswer(text: string): RawAnswer {
  const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
  const [statusLine = '', ...fields] = head.split('\r\n');
  const headers = Object.fromEntries(
    fields.map((field) => {
      const [name = '', value = ''] = field.split(/: ?(.*)/s);
      return [name.toLowerCase(), value];
    }),
  );
  return { status: Number(statusLine.split(' ')[1]), headers, body };
}
