// What a process holds on its JavaScript heap once everything it has let go is collected, asked by the inspector
// (Chrome DevTools protocol). Its memory alone says little: V8 collects when it likes.
import { WebSocket } from 'undici';
import type { AgentProcess } from '../fixtures/agent-process.js';

/** For `nodeArgs`. */
export const INSPECTED = ['--inspect=127.0.0.1:0'];

export interface Heap extends AsyncDisposable {
  /** Collects twice, then tells the bytes in use. */
  usedBytes(): Promise<number>;
}

export async function heapOf(agent: AgentProcess): Promise<Heap> {
  const [, url = ''] = await agent.untilOutput(/Debugger listening on (ws:\S+)/);
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', reject, { once: true });
  });
  let asked = 0;
  const ask = (method: string): Promise<Record<string, unknown>> => {
    asked += 1;
    const id = asked;
    return new Promise((resolve) => {
      const onMessage = ({ data }: { readonly data: unknown }): void => {
        const message = JSON.parse(String(data)) as {
          id?: number;
          result: Record<string, unknown>;
        };
        if (message.id !== id) return;
        socket.removeEventListener('message', onMessage);
        resolve(message.result);
      };
      socket.addEventListener('message', onMessage);
      socket.send(JSON.stringify({ id, method }));
    });
  };
  return {
    async usedBytes() {
      await ask('HeapProfiler.collectGarbage');
      await ask('HeapProfiler.collectGarbage');
      return Number((await ask('Runtime.getHeapUsage'))['usedSize']);
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => {
        socket.addEventListener('close', resolve, { once: true });
      });
      socket.close();
      await closed;
    },
  };
}
