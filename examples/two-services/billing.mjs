// The billing service: charges what orders asks for, after it asked orders back what the order costs.
import { connect } from 'keytender';
import { serve } from './serve.mjs';

const { SOCKET, PORT, ORDERS } = process.env;
const agent = connect({ socket: SOCKET });
const service = agent.service({ origins: [ORDERS], audience: `127.0.0.1:${PORT}` });

await agent.ready({ signal: AbortSignal.timeout(20_000) });
agent.on('rotated', (token) => console.log(`billing: signs with version ${token.version} now`));

serve(PORT, service, {
  'POST /charges signed': async (content) => {
    const { order } = JSON.parse(content);
    const answer = await service.fetch(`${ORDERS}/price?id=${order}`);
    if (!answer.ok) return { status: 502, body: { error: 'orders refused billing' } };
    const { price } = await answer.json();
    return { status: 201, body: { order, charged: price } };
  },
});
