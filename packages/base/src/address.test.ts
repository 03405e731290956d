import { describe, expect, test } from '@jest/globals';
import { parseAddress } from './address.ts';

const refused = (code: string): object => expect.objectContaining({ code });

describe('an address', () => {
  test.each([
    ['unix:/run/a.sock', { kind: 'unix', path: '/run/a.sock' }],
    ['metadata-0:7000', { kind: 'tcp', host: 'metadata-0', port: 7000 }],
    ['[::1]:7000', { kind: 'tcp', host: '::1', port: 7000 }],
    [`unix:/${'x'.repeat(106)}`, { kind: 'unix', path: `/${'x'.repeat(106)}` }],
  ])('%.20s is understood', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  test.each(['unix:a.sock', 'metadata-0', '::1:7000', 'a:70000', 'a:', ':7000', 'http://a:1', ''])(
    '%j is refused',
    (text) => {
      expect(() => parseAddress(text)).toThrow(refused('ADDRESS_MALFORMED'));
    },
  );

  test.each([`unix:/${'x'.repeat(107)}`, `unix:/${'ü'.repeat(54)}`])(
    'a path over the limit of the kernel is refused',
    (text) => {
      expect(() => parseAddress(text)).toThrow(refused('SOCKET_PATH_TOO_LONG'));
    },
  );
});
