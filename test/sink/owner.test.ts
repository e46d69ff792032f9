import t from 'tap';
import { ownerOf } from '../../src/sink/owner.js';
import { SinkError } from '../../src/sink/sink.js';

const accounts = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n',
  group: 'root:x:0:\nweb:x:2000:app\n',
};

for (const [written, owner] of [
  ['app', { uid: 1000, gid: 1001 }],
  ['app:web', { uid: 1000, gid: 2000 }],
  ['1234', { uid: 1234, gid: null }],
  ['1234:web', { uid: 1234, gid: 2000 }],
  ['app:77', { uid: 1000, gid: 77 }],
] as const) {
  t.test(`${written} is found`, async (t) => {
    t.strictSame(ownerOf(written, accounts), owner);
  });
}

for (const written of ['', ':', ':web', 'nobody-here', 'app:nobody-here', 'app:', '-1', '1e3']) {
  t.test(`"${written}" is refused`, async (t) => {
    t.throws(() => ownerOf(written, accounts), SinkError);
  });
}

t.test('numbers need no account files', async (t) => {
  t.strictSame(ownerOf('5:6', { passwd: '', group: '' }), { uid: 5, gid: 6 });
});
