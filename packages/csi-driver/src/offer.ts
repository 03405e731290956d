// What one socket serves: every CSI service whole. A method that stands in the capabilities table and belongs to this socket
// has its handler, any other is refused in a line that says where to look, where gRPC's own answer would only name the path.
import { invariant, OpError } from '@holdfast/base';
import {
  loadCsiServices,
  serve,
  type AnyMethod,
  type Handlers,
  type ServedService,
  type ServiceDescriptor,
} from '@holdfast/rpc';
import { offeredMethods, type CsiMethod } from './capabilities.ts';

export type CsiServices = Awaited<ReturnType<typeof loadCsiServices>>;

/** The handlers of one service, by the names of its methods; those that the table does not offer are left out. */
export type Answers<Service extends ServiceDescriptor> = Partial<Handlers<Service>>;

/** What a socket answers; a service that is left out belongs to the other socket. */
export interface SocketAnswers {
  readonly identityService: Answers<CsiServices['identityService']>;
  readonly controllerService?: Answers<CsiServices['controllerService']>;
  readonly nodeService?: Answers<CsiServices['nodeService']>;
}

export async function offer(answers: SocketAnswers): Promise<ServedService[]> {
  const services = await loadCsiServices();
  return [
    offerOne(services.identityService, answers.identityService),
    offerOne(services.controllerService, answers.controllerService ?? null),
    offerOne(services.groupControllerService, null),
    offerOne(services.snapshotMetadataService, null),
    offerOne(services.nodeService, answers.nodeService ?? null),
  ];
}

function offerOne(service: ServiceDescriptor, handlers: Readonly<Record<string, unknown>> | null): ServedService {
  const names = Object.keys(service.methods);
  const stray = Object.keys(handlers ?? {}).find((name) => !names.includes(name));
  invariant(stray === undefined, `${service.name} has no method ${stray ?? ''}`);
  const all = Object.entries(service.methods).map(([name, method]) => {
    const handler = handlers?.[name] ?? null;
    const isDeclared = handlers !== null && offeredMethods.has(shortName(method));
    invariant((handler !== null) === isDeclared, `${method.path} has a handler if and only if the table offers it`);
    return [name, handler ?? refusal(method)];
  });
  return serve(service, Object.fromEntries(all) as Handlers<ServiceDescriptor>);
}

function refusal(method: AnyMethod): () => never {
  return () => {
    throw new OpError('METHOD_NOT_OFFERED', { method: `${method.service}/${method.method}` });
  };
}

function shortName({ service, method }: AnyMethod): CsiMethod {
  return `${service.slice('csi.v1.'.length)}/${method}` as CsiMethod;
}
