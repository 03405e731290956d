// Who a certificate says its holder is: `holdfast://<cluster>/<role>/<name>[/<node>]` as a URI in the subject alternative
// names. The certificate's other names (DNS, IP) say where a server is reached, never who it is.
import { OpError } from '@holdfast/base';

export const roles = ['metadata', 'agent', 'csi', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Roles whose certificates may stand at the server's end of a TLS connection. Everybody else serves unix sockets only. */
export const servingRoles: ReadonlySet<Role> = new Set<Role>(['metadata']);

export interface Identity {
  /** The UUID of the cluster. */
  readonly cluster: string;
  readonly role: Role;
  /** Unique within the role and the cluster. */
  readonly name: string;
  /** The node that the holder runs on; null for a role that is bound to no node. */
  readonly node: string | null;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** As Kubernetes names nodes. It keeps every name free of what URIs, logs and file names would have to escape. */
const namePattern = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const nameLimitChars = 253;

export function isRole(text: string): text is Role {
  return roles.some((role) => role === text);
}

export function checkIdentity(identity: Identity): Identity {
  checkName('cluster', identity.cluster, uuidPattern.test(identity.cluster));
  checkName('role', identity.role, isRole(identity.role));
  checkName('name', identity.name, isName(identity.name));
  if (identity.node !== null) checkName('node', identity.node, isName(identity.node));
  return identity;
}

function checkName(field: string, value: string, isRight: boolean): void {
  if (!isRight) throw new OpError('IDENTITY_INVALID', { field, value: JSON.stringify(value) });
}

function isName(text: string): boolean {
  return text.length <= nameLimitChars && namePattern.test(text);
}

export function formatClusterUri(cluster: string): string {
  return `holdfast://${cluster}`;
}

export function formatIdentity(identity: Identity): string {
  const { cluster, role, name, node } = identity;
  return [formatClusterUri(cluster), role, name, ...(node === null ? [] : [node])].join('/');
}

/** The identity that a URI names, or null if it names none. */
export function parseIdentity(uri: string): Identity | null {
  if (!uri.startsWith('holdfast://')) return null;
  const parts = uri.slice('holdfast://'.length).split('/');
  const [cluster = '', role = '', name = '', node = null] = parts;
  if (parts.length > 4 || !uuidPattern.test(cluster) || !isRole(role) || !isName(name)) return null;
  return node === null || isName(node) ? { cluster, role, name, node } : null;
}

/** The cluster that an authority's certificate speaks for, or null. */
export function parseClusterUri(uri: string): string | null {
  const cluster = uri.startsWith('holdfast://') ? uri.slice('holdfast://'.length) : '';
  return uuidPattern.test(cluster) ? cluster : null;
}

export function sameIdentity(one: Identity, other: Identity): boolean {
  return formatIdentity(one) === formatIdentity(other);
}
