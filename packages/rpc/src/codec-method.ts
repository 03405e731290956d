// The shape of the generated service tables: what a server and a client must know of a method, with its message types.

/** What is known of a method without loading the code of its messages. */
export interface MethodFacts {
  /** Full name of the service, as `csi.v1.Controller`. */
  readonly service: string;
  /** Name of the method within its service, as `CreateVolume`. */
  readonly method: string;
  /** The HTTP/2 path of a call, as `/csi.v1.Controller/CreateVolume`. */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  /** Full names of the messages, which are the keys of the table of secret fields. */
  readonly requestMessage: string;
  readonly responseMessage: string;
}

export interface MethodDescriptor<Request, Response> extends MethodFacts {
  readonly encodeRequest: (request: Request) => Uint8Array;
  readonly decodeRequest: (bytes: Uint8Array) => Request;
  readonly encodeResponse: (response: Response) => Uint8Array;
  readonly decodeResponse: (bytes: Uint8Array) => Response;
}

/** A method of any types. What it encodes is `never` here: only code that knows the method's own types may hand it a value. */
export interface AnyMethod extends MethodFacts {
  readonly encodeRequest: (request: never) => Uint8Array;
  readonly decodeRequest: (bytes: Uint8Array) => unknown;
  readonly encodeResponse: (response: never) => Uint8Array;
  readonly decodeResponse: (bytes: Uint8Array) => unknown;
}

/** A service: its methods by their camelCase names, each with its own message types. */
export interface ServiceDescriptor {
  readonly name: string;
  readonly methods: Readonly<Record<string, AnyMethod>>;
}

export type RequestOf<Method extends AnyMethod> = ReturnType<Method['decodeRequest']>;
export type ResponseOf<Method extends AnyMethod> = ReturnType<Method['decodeResponse']>;
