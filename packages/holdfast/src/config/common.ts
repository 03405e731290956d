// The fields that every role has, because runRole uses them.
import { logLevels } from '@holdfast/telemetry';
import { choice, duration, nodeName, tcpAddressOrOff } from './fields.ts';

/** The same for every role: a pod template says it once, by the field spec.nodeName. */
export const nodeNameVariable = 'HOLDFAST_NODE_NAME';

export const commonFields = {
  drainTimeout: duration(
    { description: 'how long calls in flight may take to end after SIGTERM', default: '10s' },
    { least: '0s', most: '1h' },
  ),
  healthListen: tcpAddressOrOff({
    description: 'where /healthz, /readyz and /metrics are served over plain HTTP',
    default: '127.0.0.1:7480',
  }),
  nodeName: nodeName({
    description: 'the node that this process runs on, by its name in Kubernetes; it stands in every line of the log',
    variable: nodeNameVariable,
  }),
  logLevel: choice({ description: 'the least grave lines that are logged', default: 'info' }, logLevels),
};
export type CommonFields = typeof commonFields;
