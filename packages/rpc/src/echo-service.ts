// A service for tests and benchmarks with one method of each kind, whose messages are a text and as much padding as is wanted.
import { invariant } from '@holdfast/base';
import type { AccessTable } from './access.ts';
import { callerKinds } from './access.ts';
import type { MethodDescriptor, ServiceDescriptor } from './codec-method.ts';

export interface Echo {
  readonly text: string;
}

const encode = (message: Echo): Uint8Array => Buffer.from(message.text, 'utf8');
const decode = (bytes: Uint8Array): Echo => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  invariant(text !== 'break', 'the converters of a test may break');
  return { text };
};

type Streams = { readonly requestStream: boolean; readonly responseStream: boolean };

function method<Kind extends Streams>(name: string, kind: Kind): MethodDescriptor<Echo, Echo> & Kind {
  const message = 'holdfast.test.Echo';
  return {
    service: 'holdfast.test.Echo',
    method: name,
    path: `/holdfast.test.Echo/${name}`,
    requestMessage: message,
    responseMessage: message,
    encodeRequest: encode,
    decodeRequest: decode,
    encodeResponse: encode,
    decodeResponse: decode,
    ...kind,
  };
}

export const echoService = {
  name: 'holdfast.test.Echo',
  methods: {
    unary: method('Unary', { requestStream: false, responseStream: false } as const),
    download: method('Download', { requestStream: false, responseStream: true } as const),
    upload: method('Upload', { requestStream: true, responseStream: false } as const),
    both: method('Both', { requestStream: true, responseStream: true } as const),
  },
} satisfies ServiceDescriptor;

export const echoAccess: AccessTable = Object.fromEntries(
  Object.values(echoService.methods).map(({ path }) => [path, callerKinds]),
);
