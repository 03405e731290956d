// Keeps secrets out of logs and printed configuration, in two ways. Messages: a table, generated in `rpc` from the .proto
// files' secret marks, names the secret fields of each message type; that is exact. Anything else: a key that is named like
// a secret is taken for one; that is the net beneath, and the log itself hangs over it.

/** What stands in a secret's place: its length and its keys would tell something too. */
export const secretPlaceholder = '<secret>';

/**
 * The secret fields of each message type, as paths from the message: names joined by dots, `*` for every item of a list or a
 * map. A type that is not named has none.
 */
export type SecretFields = Readonly<Record<string, readonly string[]>>;

/** The paths of one message type as a tree; null is the secret itself. */
type SecretTree = ReadonlyMap<string, SecretTree | null>;

export class Redactor {
  readonly #trees: ReadonlyMap<string, SecretTree>;

  constructor(table: SecretFields) {
    this.#trees = new Map(
      Object.entries(table).map(([type, paths]) => [type, treeOf(paths.map((path) => path.split('.')))]),
    );
  }

  /** Whether a message of this type can hold a secret; most cannot, and cost one look-up. */
  hasSecrets(messageType: string): boolean {
    return this.#trees.has(messageType);
  }

  /** `value` without its secrets: a copy of what lies on the way to one, the value itself where there is none. */
  redact<Value>(messageType: string, value: Value): Value {
    const tree = this.#trees.get(messageType);
    return tree === undefined ? value : (redactTree(tree, value) as Value);
  }
}

function treeOf(paths: readonly (readonly string[])[]): SecretTree {
  const tree = new Map<string, SecretTree | null>();
  for (const head of new Set(paths.map((path) => path[0] ?? ''))) {
    const rests = paths.filter((path) => (path[0] ?? '') === head).map((path) => path.slice(1));
    // A path that ends here makes everything below it secret, whatever other paths say.
    tree.set(head, rests.some((rest) => rest.length === 0) ? null : treeOf(rests));
  }
  return tree;
}

function redactTree(tree: SecretTree, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  let copy: Record<string, unknown> | unknown[] | null = null;
  for (const [key, item] of Object.entries(value)) {
    const branches = [tree.get(key), tree.get('*')].filter((branch) => branch !== undefined);
    if (branches.length === 0 || item === null || item === undefined) continue;
    const redacted = branches.reduce((rest: unknown, branch) => {
      return branch === null || rest === secretPlaceholder ? secretPlaceholder : redactTree(branch, rest);
    }, item);
    if (redacted === item) continue;
    copy ??= Array.isArray(value) ? [...(value as unknown[])] : { ...value };
    Reflect.set(copy, key, redacted);
  }
  return copy ?? value;
}

const secretKey =
  /passw(or)?d|passphrase|secret|credential|authorization|cookie|(^|[^a-z])(api|access|private|encryption|shared)[-_ ]?key|token$/i;
/** camelCase as words, so that one pattern reads every spelling: privateKey, private_key, PRIVATE-KEY. */
const caseBorder = /([a-z0-9])([A-Z])/g;

/** Log lines repeat a few keys for ever; a process that made more keys than this would only lose the short cut. */
const knownKeysLimit = 1000;
const knownKeys = new Map<string, boolean>();

/** Whether a value under this key is taken for a secret. */
export function isSecretKey(key: string): boolean {
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  const isSecret = secretKey.test(key.replaceAll(caseBorder, '$1_$2'));
  if (knownKeys.size < knownKeysLimit) knownKeys.set(key, isSecret);
  return isSecret;
}
