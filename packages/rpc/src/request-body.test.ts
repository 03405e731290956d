import { expect, test } from '@jest/globals';
import { RealClock } from '@holdfast/base';
import { createLog, type LogLevel } from '@holdfast/telemetry';
import { LineSink } from '@holdfast/telemetry/internal';
import { loadCsiServices } from './generated/services.ts';
import { logRequestBody } from './request-body.ts';

async function linesAt(level: LogLevel): Promise<string[]> {
  const sink = new LineSink();
  const log = await createLog({ role: 'test', node: null, level, clock: new RealClock(), sink });
  const { controllerService } = await loadCsiServices();
  const body = { name: 'pvc-1', secrets: { passphrase: 'hunter2' }, parameters: { pool: 'fast' } };
  logRequestBody(log, controllerService.methods.createVolume, body);
  return sink.lines;
}

test('a request is logged at debug only, and without what its .proto file marks as secret', async () => {
  expect(await linesAt('info')).toEqual([]);
  const [line = ''] = await linesAt('debug');
  expect(line).not.toContain('hunter2');
  expect(JSON.parse(line)).toMatchObject({
    service: 'csi.v1.Controller',
    method: 'CreateVolume',
    body: { name: 'pvc-1', secrets: '<secret>', parameters: { pool: 'fast' } },
  });
});
