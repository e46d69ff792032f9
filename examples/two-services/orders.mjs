// The orders service: takes an order, has billing charge it, and answers billing's question what an order costs.
// Fastify-free on purpose: `service.verify` needs a method, a target, fields and the raw content, whoever parses them.
import { serve } from './serve.mjs';
import { connect } from 'keytender';

const { SOCKET, PORT, BILLING } = process.env;
const agent = connect({ socket: SOCKET });
const service = agent.service({ origins: [BILLING], audience: `127.0.0.1:${PORT}` });
const prices = new Map();

await agent.ready({ signal: AbortSignal.timeout(20_000) });
agent.on('rotated', (token) => console.log(`orders: signs with version ${token.version} now`));

serve(PORT, service, {
  // for the world outside, which signs nothing
  'POST /orders': async (_content, id) => {
    prices.set(id, 42);
    const answer = await service.fetch(`${BILLING}/charges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ order: id }),
    });
    return { status: answer.status, body: await answer.json() };
  },
  // for billing alone
  'GET /price signed': async (_content, id) => ({ status: 200, body: { price: prices.get(id) } }),
});
