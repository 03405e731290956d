// The table of everything that is generated. A package plugs in with a script "generate" in its package.json that writes
// its outputs anew, from sources alone and byte for byte the same each time, and with a row here.

export interface Generator {
  /** The folder under packages/ whose script "generate" runs. */
  readonly package: string;
  /** Globs from the root: files that only this generator writes. */
  readonly outputs: readonly string[];
  /** Globs of what it reads besides the package itself and the packages that this one depends on. */
  readonly inputs: readonly string[];
}

/** In the order in which they run: later ones may read what earlier ones wrote. */
export const generators: readonly Generator[] = [
  { package: 'base', outputs: ['docs/reference/errors.md'], inputs: [] },
  { package: 'telemetry', outputs: ['docs/reference/metrics.md'], inputs: [] },
  { package: 'rpc', outputs: ['packages/rpc/src/generated/**'], inputs: ['csi-proto/*.proto'] },
  {
    package: 'holdfast',
    outputs: ['docs/reference/cli.md', 'docs/reference/config.md', 'docs/reference/exit-codes.md'],
    inputs: [],
  },
  { package: 'tooling', outputs: ['docs/reference/tidy.md'], inputs: [] },
];
