// The house's plan as data: which package may import which, and which package alone may import what from outside. A new
// package gets its row here first.

/** Package → packages that it may import; 'any' only for what never ships. */
export const edges: Readonly<Record<string, readonly string[] | 'any'>> = {
  base: [],
  telemetry: ['base'],
  rpc: ['base', 'telemetry'],
  'raft-log': ['base'],
  raft: ['base'],
  'metadata-service': ['base', 'telemetry', 'rpc', 'raft', 'raft-log'],
  kernel: ['base'],
  fuse: ['base', 'kernel'],
  'fs-core': ['base', 'telemetry', 'rpc', 'kernel', 'fuse'],
  'csi-driver': ['base', 'telemetry', 'rpc'],
  kubernetes: ['base', 'telemetry'],
  operator: ['base', 'telemetry', 'rpc', 'kubernetes'],
  namespace: ['base', 'telemetry', 'rpc', 'fuse'],
  console: [],
  cli: ['base', 'rpc', 'kubernetes'],
  holdfast: [
    ...['base', 'telemetry', 'rpc', 'raft-log', 'raft', 'metadata-service', 'kernel', 'fuse', 'fs-core', 'csi-driver'],
    ...['kubernetes', 'operator', 'namespace', 'console', 'cli'],
  ],
  sim: 'any',
  e2e: 'any',
  tooling: [],
};

/** Packages that never ship: they judge the others, so they may start processes and speak any protocol. */
export const developmentPackages: readonly string[] = ['sim', 'e2e', 'tooling'];

/** Modules that one package wraps for all others, by the package (or the one file) that may import them. */
export const soleImporters: Readonly<Record<string, string>> = {
  koffi: 'packages/kernel/',
  'better-sqlite3': 'packages/metadata-service/',
  '@grpc/grpc-js': 'packages/rpc/',
  protobufjs: 'packages/rpc/',
  'protobufjs-cli': 'packages/rpc/',
  '@bufbuild/protobuf': 'packages/rpc/',
  long: 'packages/rpc/',
  '@kubernetes/client-node': 'packages/kubernetes/',
  'node:child_process': 'packages/base/src/exec.ts',
};

/** The files that read the machine's clocks, timers and randomness for all others. */
export const machineFiles = {
  clock: ['packages/base/src/real-time.ts'],
  random: ['packages/base/src/real-random.ts'],
} as const;
