import { expect, test } from '@jest/globals';
import { defineCommand } from './command.ts';
import { helpIndex, helpPage } from './help.ts';

const pkiIssue = defineCommand({
  name: 'pki issue',
  summary: 'issue a certificate',
  details: ['It goes into a folder.'],
  parameters: [{ name: 'ROLE', summary: 'the role', required: true, choices: ['agent', 'csi'] }],
  flags: {
    life: { value: 'DURATION', summary: 'how long it holds', unit: 'duration', default: '30d' },
    output: {
      value: 'FORMAT',
      summary: 'how to print',
      unit: null,
      default: 'table',
      short: 'o',
      choices: ['table', 'json'],
    },
  },
  run: async () => undefined,
});

test('help derives from the row', async () => {
  expect(await helpPage(pkiIssue)).toBe(
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
  expect(helpIndex([], [pkiIssue])).toContain('  pki issue  issue a certificate');
});
