// A command that a case runs: kubectl, helm, cluster.sh. Unlike base's `exec` it stays in the process group of the suite, so
// that it ends with the suite when time is up; and a failure tells the whole command line and all that it wrote.
import { execFile } from 'node:child_process';

export interface CommandOptions {
  readonly limitMs?: number;
  readonly stdin?: string;
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

const outputLimitBytes = 64 * 1024 * 1024;

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly stderr: string;

  constructor(message: string, stderr: string) {
    super(message);
    this.stderr = stderr;
  }
}

/** Stdout of a command that must succeed. */
export function run(argv: readonly [string, ...string[]], options: CommandOptions = {}): Promise<string> {
  const { limitMs = 60_000, stdin = '', cwd = process.cwd(), environment = {} } = options;
  const [command, ...words] = argv;
  return new Promise((resolve, reject) => {
    const settings = {
      cwd,
      env: { ...process.env, ...environment },
      timeout: limitMs,
      killSignal: 'SIGKILL',
      maxBuffer: outputLimitBytes,
    } as const;
    const child = execFile(command, words, settings, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      const how = error.killed === true ? `was ended after ${limitMs} ms` : `failed (${String(error.code)})`;
      reject(new CommandError(`${argv.join(' ')} ${how}: ${`${stderr}\n${stdout}`.trim()}`, stderr));
    });
    // EPIPE: a command may end without reading its input; its exit code tells whether that was well.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin);
  });
}
