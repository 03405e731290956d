import { expect, test } from '@jest/globals';
import { helpIndex, helpPage } from './help.ts';
import { sampleCommand } from './testing.ts';

test('help derives from the row', async () => {
  expect(await helpPage(sampleCommand)).toBe(
    [
      'pki issue: issue a certificate',
      '',
      'usage: holdfast pki issue ROLE [flags]',
      '',
      'It goes into a folder.',
      '',
      'arguments:',
      '  ROLE  the role',
      '',
      'flags:',
      '  --life DURATION      how long it holds (duration, default 30d)',
      '  -o, --output FORMAT  how to print (table|json, default table)',
      '  --debug              print the stack of an error',
      '  -h, --help           print this help',
    ].join('\n'),
  );
  expect(helpIndex([], [sampleCommand])).toContain('  pki issue  issue a certificate');
});
