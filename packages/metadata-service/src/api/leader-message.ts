// How what an agent is told becomes bytes. Most of it is the standing of a session, the same again and again: it is written once, and
// only the number of what it answers is put behind it. Relies on whoever makes a body to leave it as it is.
import type { sessions } from '@holdfast/rpc';

type Encode = (message: sessions.LeaderMessage) => Uint8Array;

export function rememberingStandings(encode: Encode): Encode {
  const written = new WeakMap<object, Uint8Array>();
  return (message) => {
    const { answers, body } = message;
    if (body?.kind !== 'standing') return encode(message);
    let standing = written.get(body);
    if (standing === undefined) {
      standing = encode({ answers: 0n, body });
      written.set(body, standing);
    }
    // Two messages of protobuf one behind the other are one, in which the later number counts.
    return Buffer.concat([standing, encode({ answers, body: null })]);
  };
}
