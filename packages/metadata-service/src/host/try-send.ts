// Sending where nothing depends on it: a connection can end between two frames of one turn, and the transport has limits of its own.
import { isOpError, type Connection } from '@holdfast/base';

/** False if the frame was not taken. */
export function trySend(connection: Connection, frame: Uint8Array): boolean {
  if (!connection.isOpen) return false;
  try {
    connection.send(frame);
    return true;
  } catch (error) {
    if (!isOpError(error)) throw error;
    return false;
  }
}
