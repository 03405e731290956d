// A command that may fail: its exit code and its words. It stays in the process group of the suite, so that it ends with it.
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';

export interface Attempt {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface AttemptOptions {
  readonly limitMs?: number;
  /** Added to this process's own; null takes a variable away. */
  readonly environment?: Readonly<Record<string, string | null>>;
}

const outputLimitBytes = 16 * 1024 * 1024;

export function attempt(argv: readonly [string, ...string[]], options: AttemptOptions = {}): Promise<Attempt> {
  const { limitMs = 60_000, environment = {} } = options;
  const [command, ...words] = argv;
  const env = Object.fromEntries(
    Object.entries({ ...process.env, ...environment }).filter(([, value]) => value !== null),
  ) as NodeJS.ProcessEnv;
  const settings = {
    cwd: tmpdir(),
    env,
    timeout: limitMs,
    killSignal: 'SIGKILL',
    maxBuffer: outputLimitBytes,
  } as const;
  return new Promise((resolve) => {
    const child = execFile(command, words, settings, (_, stdout, stderr) => {
      resolve({ exitCode: child.exitCode, stdout, stderr });
    });
    child.stdin?.end();
  });
}
