// Certificate signing requests (PKCS #10). All that a signer takes from one is the public key and the proof that the sender
// holds its private half; who the holder is comes from whoever authenticated the caller. So the subject is left empty.
import { createPublicKey, generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import { invariant, OpError } from '@holdfast/base';
import { signatureAlgorithm, signDocument } from './certificate.ts';
import {
  contextTag,
  DerError,
  element,
  integer,
  readChildren,
  readContents,
  readElement,
  sequence,
  tags,
} from './der.ts';

const curve = 'prime256v1';
/** Ours have about 200 bytes. */
const requestLimitBytes = 4096;

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function generateKeyPair(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: curve });
}

export function exportPrivateKey(key: KeyObject): string {
  const pem = key.export({ type: 'pkcs8', format: 'pem' });
  invariant(typeof pem === 'string', 'a PEM is text');
  return pem;
}

/** A request in DER to certify the public half of `pair`. */
export function createSigningRequest(pair: KeyPair): Buffer {
  const body = sequence(
    integer(Buffer.from([0])),
    sequence(),
    pair.publicKey.export({ type: 'spki', format: 'der' }),
    element(contextTag(0, 'elements')),
  );
  return signDocument(body, pair.privateKey);
}

/** The public key that the sender of `csr` proved to hold. */
export function readSigningRequest(csr: Uint8Array): KeyObject {
  if (csr.length > requestLimitBytes) throw invalid(`it is longer than ${requestLimitBytes} bytes`);
  const bytes = Buffer.from(csr.buffer, csr.byteOffset, csr.length);
  let parts;
  try {
    parts = splitRequest(bytes);
  } catch (cause) {
    if (cause instanceof DerError) throw invalid(cause.message, cause);
    throw cause;
  }
  if (!parts.algorithm.equals(signatureAlgorithm)) throw invalid('it is not signed with ECDSA and SHA-256');
  const publicKey = importPublicKey(parts.publicKeyDer);
  if (publicKey.asymmetricKeyType !== 'ec' || publicKey.asymmetricKeyDetails?.namedCurve !== curve) {
    throw invalid('its key is not on the curve P-256');
  }
  if (!verify('sha256', parts.body, publicKey, parts.signature)) throw invalid('its signature does not fit its key');
  return publicKey;
}

interface RequestParts {
  readonly body: Buffer;
  readonly algorithm: Buffer;
  readonly publicKeyDer: Buffer;
  readonly signature: Buffer;
}

function splitRequest(bytes: Buffer): RequestParts {
  const [body, algorithm, signature] = readChildren(readElement(bytes), tags.sequence);
  const [, , publicKey] = readChildren(body, tags.sequence);
  const signatureBits = readContents(signature, tags.bitString);
  if (body === undefined || algorithm === undefined || publicKey === undefined || signatureBits[0] !== 0) {
    throw new DerError('a part is missing');
  }
  return {
    body: body.whole,
    algorithm: algorithm.whole,
    publicKeyDer: publicKey.whole,
    signature: signatureBits.subarray(1),
  };
}

function importPublicKey(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, type: 'spki', format: 'der' });
  } catch (cause) {
    throw invalid('its key cannot be read', cause);
  }
}

function invalid(reason: string, cause?: unknown): OpError {
  return new OpError('SIGNING_REQUEST_INVALID', { reason }, { cause });
}
