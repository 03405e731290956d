// A method that is called with an empty request, whatever it is: for tests that walk every method of every service.
import { isOpError } from '@holdfast/base';
import type { Channel } from './client/channel.ts';
import type { ServiceDescriptor } from './codec-method.ts';

type AnyCall = (input: unknown, options: { readonly timeoutMs: number }) => unknown;

/** The code of the error that it meets, or "answered". */
export async function outcomeOfEmptyCall(
  channel: Channel,
  {
    service,
    name,
    timeoutMs,
  }: { readonly service: ServiceDescriptor; readonly name: string; readonly timeoutMs: number },
): Promise<string> {
  const method = service.methods[name];
  // The caller's table is not known to the compiler here, so neither are the types of its methods.
  const calls = new Map<string, AnyCall>(Object.entries(channel.calls(service)));
  const call = calls.get(name);
  if (method === undefined || call === undefined) throw new Error(`there is no method ${name}`);
  const request = method.decodeRequest(new Uint8Array());
  try {
    const output = call(method.requestStream ? [request] : request, { timeoutMs });
    if (method.responseStream) await drain(output as AsyncIterable<unknown>);
    else await output;
    return 'answered';
  } catch (error) {
    return isOpError(error) ? error.code : String(error);
  }
}

async function drain(answers: AsyncIterable<unknown>): Promise<void> {
  for await (const answer of answers) if (answer === undefined) throw new Error('a stream answered nothing');
}
