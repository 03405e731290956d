// The least CSI driver that the kubelet and the external attacher take for one: it attaches and publishes by saying yes, so that
// what is timed is Kubernetes' own waiting. gRPC by hand over Node's HTTP/2, since a message has one or two fields here.
//   node csi-stand-in.ts NODE-NAME REGISTRATION-SOCKET CSI-SOCKET    on a node, for the kubelet
//   node csi-stand-in.ts controller CSI-SOCKET                       for the attacher
import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type ServerHttp2Stream } from 'node:http2';

const driver = 'csi.probe.test';
const noCode = '0';
const unimplemented = '12';
const frameHeadBytes = 5;

/** A field of bytes: a text, or a message in a message. All here are shorter than 128. */
function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}
const number = (place: number, value: number): Buffer => Buffer.from([place << 3, value]);
const empty = Buffer.alloc(0);

/** The text of a field; the messages asked here hold nothing but fields of bytes before it, each with a length below 16384. */
function textOf(message: Buffer, wanted: number): string {
  for (let at = 0; at < message.length;) {
    const place = (message[at] ?? 0) >> 3;
    const low = message[at + 1] ?? 0;
    const isLong = low >= 128;
    const length = isLong ? (low & 127) | ((message[at + 2] ?? 0) << 7) : low;
    const start = at + (isLong ? 3 : 2);
    if (place === wanted) return message.toString('utf8', start, start + length);
    at = start + length;
  }
  throw new Error(`the message has no field ${wanted}`);
}

const [role = '', ...sockets] = process.argv.slice(2);
const csiSocket = sockets.at(-1) ?? '';

const methods: Readonly<Record<string, (request: Buffer) => Buffer>> = {
  'pluginregistration.Registration/GetInfo': () =>
    Buffer.concat([field(1, 'CSIPlugin'), field(2, driver), field(3, csiSocket), field(4, '1.0.0')]),
  'pluginregistration.Registration/NotifyRegistrationStatus': () => empty,
  'csi.v1.Identity/GetPluginInfo': () => Buffer.concat([field(1, driver), field(2, '1')]),
  'csi.v1.Identity/GetPluginCapabilities': () => field(1, field(1, number(1, 1))),
  'csi.v1.Identity/Probe': () => field(1, number(1, 1)),
  'csi.v1.Node/NodeGetInfo': () => field(1, role),
  'csi.v1.Node/NodeGetCapabilities': () => empty,
  'csi.v1.Node/NodePublishVolume': (request) => {
    mkdirSync(textOf(request, 4), { recursive: true });
    return empty;
  },
  'csi.v1.Node/NodeUnpublishVolume': (request) => {
    rmSync(textOf(request, 2), { recursive: true, force: true });
    return empty;
  },
  'csi.v1.Controller/ControllerGetCapabilities': () => field(1, field(1, number(1, 2))),
  'csi.v1.Controller/ControllerPublishVolume': () => empty,
  'csi.v1.Controller/ControllerUnpublishVolume': () => empty,
};

function answer(stream: ServerHttp2Stream, path: string, request: Buffer): void {
  const method = methods[path.slice(1)];
  process.stdout.write(`${new Date().toISOString()} ${path}\n`);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': method === undefined ? unimplemented : noCode });
  });
  if (method === undefined) {
    stream.end();
    return;
  }
  const message = method(request.subarray(frameHeadBytes));
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([head, message]));
}

for (const socket of sockets) {
  rmSync(socket, { force: true });
  createServer()
    .on('stream', (stream: ServerHttp2Stream, headers) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        answer(stream, headers[':path'] ?? '', Buffer.concat(parts));
      });
    })
    .listen(socket);
}
