// What `/openapi.json` of the built program answers is a valid OpenAPI 3.1 document, by a validator that is not ours,
// and it has every route that answers. (That it declares what an attack is told: api-refuses-an-attack.)
import { Validator } from '@seriousme/openapi-schema-validator';
import t from 'tap';
import { strong } from '../fixtures/readings.js';
import { agentOf, vaultWithToken } from '../fixtures/scene.js';
import { closeConnections, secondPasses, signedCall } from '../fixtures/signed-request.js';

t.teardown(closeConnections);

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly responses: object; readonly security: object[] }>>
    >
  >;
}

t.test('the document is valid, and its operations answer with what they declare', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    env: {
      AGENT_SCOPES: 'token:list,token:read,token:watch,token:refresh,token:sign,token:verify',
    },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const { body } = await agent.get('/openapi.json');
  const validator = new Validator();
  const { valid, errors } = await validator.validate(JSON.parse(body) as Record<string, unknown>);
  t.ok(valid, JSON.stringify(errors));
  t.equal(validator.version, '3.1');

  const { paths, openapi } = JSON.parse(body) as Document;
  t.match(openapi, /^3\.1\./);
  const caller = { key: strong('token-1'), keyid: 'default:1' };
  for (const [template, item] of Object.entries(paths)) {
    for (const [method, { responses, security }] of Object.entries(item)) {
      const target = template.replace('{name}', 'default');
      const call = { ...caller, target, method: method.toUpperCase() };
      const signed = await signedCall(url, method === 'post' ? { ...call, body: '{}' } : call);
      t.ok(String(signed.status) in responses, `${method} ${target}: ${signed.status}`);
      t.not(signed.status, 404, `${method} ${target} is there`);
      const bare = await fetch(url + target, { method: method.toUpperCase() });
      await bare.arrayBuffer();
      t.ok(String(bare.status) in responses, `${method} ${target} unsigned: ${bare.status}`);
      t.equal(bare.status === 401, security.length > 0, `${target} asks for a signature or not`);
    }
  }
});
