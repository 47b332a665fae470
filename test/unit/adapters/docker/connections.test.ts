import { expect, test } from 'vitest';

import { isTable, remoteAddresses, tablesOf } from '../../../../src/adapters/docker/connections.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     ';
/** As the kernel of a machine with one listener, two open connections and one that was closed listed them. */
const TCP = `${HEAD}
   0: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41829 1 0000000000000000 100 0 0 10 0
   1: 030012AC:0BB8 020012AC:D2F0 01 00000000:00000000 00:00000000 00000000  1000        0 45301 2 0000000000000000 20 4 30 10 -1
   2: 030012AC:E1A4 050012AC:1538 01 00000000:00000000 02:00000AF2 00000000  1000        0 45310 2 0000000000000000 20 4 0 10 -1
   3: 030012AC:0BB8 020012AC:D2EE 06 00000000:00000000 03:00000E10 00000000     0        0 0 3 0000000000000000
`;
/** A server that listens on IPv6 has its visitors of IPv4 here. */
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41829 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF0000030012AC:0BB8 0000000000000000FFFF0000020012AC:D2F0 01 00000000:00000000 00:00000000 00000000  1000        0 45301 2 0000000000000000 20 4 30 10 -1
   2: B80D0120000000000000000001000000:0BB8 B80D01200000000000000000FE000000:D2F2 01 00000000:00000000 00:00000000 00000000  1000        0 45302 2 0000000000000000 20 4 30 10 -1
   3: 0000000000000000FFFF0000030012AC:0BB8 0000000000000000FFFF0000060012AC:D2F4 08 00000000:00000000 00:00000000 00000000  1000        0 45303 1 0000000000000000 20 4 30 10 -1
`;

test('only open connections must count, by the address of the other side', () => {
  expect(remoteAddresses(TCP)).toEqual(['172.18.0.2', '172.18.0.5']);
});

test('IPv4 within IPv6 must be told as IPv4, all else as IPv6', () => {
  expect(remoteAddresses(TCP6)).toEqual(['172.18.0.2', '2001:db8:0:0:0:0:0:fe']);
});

test('both tables must be read as one', () => {
  expect(remoteAddresses(`${TCP}\n${TCP6}`)).toHaveLength(4);
});

test.each(['', HEAD, 'permission denied', '   1: 030012AC:0BB8 02:D2F0 01', '   1: 030012AC:0BB8 XYZ012AC:D2F0 01'])(
  'what is no connection must be left out: %j',
  (text) => expect(remoteAddresses(text)).toEqual([]),
);

test.each([
  [true, HEAD],
  [true, `${TCP}cat: can't open '/proc/net/tcp6': No such file or directory`],
  [false, ''],
  [false, 'permission denied'],
  [false, "cat: can't open '/proc/net/tcp'"],
])('a table without connections must be told from what is none: %s', (expected, text) => {
  expect(isTable(text)).toBe(expected);
});

test('a process that is not there must be told from one without connections', async () => {
  expect(await tablesOf(2 ** 22 + 1)).toBeUndefined();
});
