import { expect, test } from 'vitest';

import { withoutPasswords } from '../../../src/adapters/postgres/row.ts';

test.each([
  ["ALTER ROLE me PASSWORD 'hush'; select 1", "ALTER ROLE me PASSWORD '[redacted]'; select 1"],
  ["alter role me encrypted password E'it''s", "alter role me encrypted password '[redacted]'"],
  ["select 'dblink', 'password=''x'''", "select 'dblink', 'password='[redacted]''"],
  [
    "create subscription s connection 'host=a password=hush user=b'",
    "create subscription s connection 'host=a password='[redacted]' user=b'",
  ],
  ['create user zed with password $$S3cret7$$ login', "create user zed with password '[redacted]' login"],
  ['create user zed password $a$S3$$cret$a$', "create user zed password '[redacted]'"],
  ['create user zed password $$S3cret', "create user zed password '[redacted]'"],
  [
    "select dblink_connect('host=a password = S3cret11 user = b')",
    "select dblink_connect('host=a password = '[redacted]' user = b')",
  ],
  ["select 'Server=a;Pwd=S3cret;Uid=b'", "select 'Server=a;Pwd='[redacted]';Uid=b'"],
  ["select 'sslpassword=S3cret'", "select 'sslpassword='[redacted]''"],
  [
    `insert into login values ('{"user": "me", "password": "S3 cret", "at": 1}')`,
    `insert into login values ('{"user": "me", "password": '[redacted]', "at": 1}')`,
  ],
  [
    "select jsonb_build_object('password', 'S3cret', 'at', 1)",
    "select jsonb_build_object('password', '[redacted]', 'at', 1)",
  ],
  [
    "select * from login where passwd = 'S3cret' and id = 7",
    "select * from login where passwd = '[redacted]' and id = 7",
  ],
  ["select dblink('password=''S3cret", "select dblink('password='[redacted]'"],
  ['select password from login', 'select password from login'],
  ['select password::text, pwd from login', 'select password::text, pwd from login'],
  ['select * from login where password = $1', 'select * from login where password = $1'],
  ['insert into login (password, name) values ($1, $2)', 'insert into login (password, name) values ($1, $2)'],
])('%s must be shown without its password', (query, shown) => {
  expect(withoutPasswords(query)).toBe(shown);
});

test('what is cut in the middle must not be shown, wherever that is', () => {
  const query = "alter role me password 'S3cret7'; select dblink('password=''S3cret8''', 'password=S3cret9')";
  for (let at = 0; at <= query.length; at += 1) expect(withoutPasswords(query.slice(0, at))).not.toMatch(/S3/);
});
