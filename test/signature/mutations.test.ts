// Valid messages, changed at random: what still means the same must be accepted, everything else refused, nothing
// may throw. What a message means is read by `meaning.ts`, which shares no code with src/.
import t from 'tap';
import {
  Keyring,
  keytenderAnswerPolicy,
  keytenderPolicy,
  sign,
  signResponse,
  verify,
  verifyResponse,
} from '../../src/signature/index.js';
import { chance, pick, SEED } from './chance.js';
import { meaning } from './meaning.js';
import type { Line, Message } from './meaning.js';
import { mutate, noise } from './mutate.js';

const MUTATIONS = process.env['KEYTENDER_TEST_FULL'] === '1' ? 1_000_000 : 120_000;
const NOW = 1_735_689_600;
const KEY = 'mutation-token-0123456789abcdef01234';

const keyring = new Keyring([
  { key: KEY, name: 'default', versions: [7, 6] },
  {
    key: 'another-token-0123456789abcdef012345',
    name: 'default',
    versions: [5],
    role: 'superseded',
  },
]);

t.test(`requests changed at random, seed ${SEED}`, async (t) => {
  const originals = requests();
  const meanings = new Map(originals.map((one) => [one, meaning(one, one)]));
  const outcomes = { same: 0, different: 0 };
  for (let i = 0; i < MUTATIONS; i += 1) {
    const original = pick(originals);
    const mutated = mutate(original);
    const isSame = meaning(mutated, mutated) === meanings.get(original);
    const verdict = verify(mutated, keyring, keytenderPolicy, { nowSeconds: NOW });
    outcomes[isSame ? 'same' : 'different'] += 1;
    if (verdict.ok !== isSame) {
      t.fail(isSame ? 'refused what means the same' : 'accepted what means something else', {
        original,
        mutated,
        verdict,
      });
      return;
    }
  }
  t.comment(outcomes);
  t.ok(outcomes.same > MUTATIONS / 10, 'many still meant the same');
  t.ok(outcomes.different > MUTATIONS / 3, 'many did not');
});

t.test(`answers changed at random, seed ${SEED}`, async (t) => {
  const outcomes = { same: 0, different: 0 };
  const pairs = answers();
  for (let i = 0; i < MUTATIONS / 6; i += 1) {
    const { request, response } = pick(pairs);
    const mutated = mutate(response);
    const isSame = meaning(mutated, request) === meaning(response, request);
    const context = { nowSeconds: NOW };
    const verdict = verifyResponse(mutated, request, keyring, keytenderAnswerPolicy, context);
    outcomes[isSame ? 'same' : 'different'] += 1;
    if (verdict.ok !== isSame) {
      t.fail('an answer was judged wrongly', { response, mutated, verdict, isSame });
      return;
    }
  }
  t.comment(outcomes);
  t.ok(outcomes.same > MUTATIONS / 100 && outcomes.different > MUTATIONS / 30);
});

t.test('bytes at random, in place of whole fields, are refused and never throw', async (t) => {
  const [original] = requests();
  for (let i = 0; i < MUTATIONS / 6; i += 1) {
    const headers = original!.headers.map(([name, value]): Line => {
      const isSignature = name.startsWith('Signature');
      return [name, isSignature && chance(0.7) ? noise(value) : value];
    });
    const request = {
      ...original!,
      url: chance(0.2) ? noise(original!.url) : original!.url,
      headers,
    };
    const isSame = meaning(request, request) === meaning(original!, original!);
    const { ok } = verify(request, keyring, keytenderPolicy, { nowSeconds: NOW });
    if (ok !== isSame) {
      t.fail('judged wrongly', { request, ok });
      return;
    }
  }
  t.pass();
});

function requests(): Message[] {
  const json = Buffer.from('{"order":42,"note":"Zoë"}');
  const message = (method: string, url: string, headers: Line[] = [], body = Buffer.alloc(0)) =>
    signed({ method, url, status: 0, headers, body });
  const typed: Line[] = [
    ['Content-Type', 'application/json'],
    ['Content-Length', String(json.length)],
  ];
  return [
    message('GET', 'https://api.example/items?page=2&sort=a%2Cb'),
    message('GET', 'http://127.0.0.1:8210/v1/tokens/default/watch?revision=abc&timeout=60'),
    message('DELETE', 'https://[2001:db8::a]/a%2Fb/..;c=d'),
    message('POST', 'https://api.example:8443/orders', typed, json),
    message('PUT', 'https://api.example/orders/7?', [...typed, ['X-Trace', 'abc, def']], json),
    signed(
      {
        method: 'GET',
        url: 'https://api.example/',
        status: 0,
        headers: [
          ['Date', 'Tue, 20 Apr 2021 02:07:55 GMT'],
          ['Accept', 'a/b'],
          ['Accept', '*/*'],
        ],
        body: Buffer.alloc(0),
      },
      ['date', 'accept'],
    ),
    withOther(message('POST', 'https://api.example/x?y', typed, json)),
  ];
}

function signed(message: Message, components: string[] = []): Message {
  const { headers } = sign(message, {
    key: KEY,
    keyid: 'default:7',
    created: NOW,
    nonce: 'Bm9uY2Ut"b25j\\ZS1ub25jZQ',
    tag: 'keytender-service',
    components,
  });
  return { ...message, headers: [...message.headers, ...added(headers)] };
}

/** A second signature, of somebody else. */
function withOther(message: Message): Message {
  const headers = message.headers.map(([name, value]): Line => {
    if (name === 'Signature-Input') return [name, `other=("@method");created=1;tag="x", ${value}`];
    return name === 'Signature' ? [name, `other=:AAEC:, ${value}`] : [name, value];
  });
  return { ...message, headers };
}

function answers(): { request: Message; response: Message }[] {
  return requests()
    .slice(0, 5)
    .map((request) => {
      const body = Buffer.from('{"ok":true}');
      const response: Message = {
        method: '',
        url: '',
        status: 200,
        headers: [['Content-Type', 'application/json']],
        body,
      };
      const { headers } = signResponse(response, request, {
        key: KEY,
        keyid: 'default:7',
        created: NOW,
        tag: 'keytender-answer',
      });
      return {
        request,
        response: { ...response, headers: [...response.headers, ...added(headers)] },
      };
    });
}

function added(headers: object): Line[] {
  return Object.entries(headers).map(([name, value]): Line => {
    const capitals = name.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
    return [capitals, String(value)];
  });
}
