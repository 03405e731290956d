// What the image takes from Debian, file by file: the programs that a role starts, with the reason for each package, and the
// packages whose shared libraries those programs and Node need. Of these only the libraries that something in the tree names
// are taken (system.ts), so nothing is in the image that nobody starts or loads. Versions stand in pins.json.

/** The release whose packages are pinned. */
export const suite = 'bookworm';

export type Architecture = 'amd64' | 'arm64';
export const architectures: readonly Architecture[] = ['amd64', 'arm64'];

interface ProgramPackage {
  readonly name: string;
  readonly why: string;
  /** Paths as after the merge of /bin, /sbin and /lib into /usr; a folder stands for all that it holds. */
  readonly keeps: readonly string[];
}

export const programPackages: readonly ProgramPackage[] = [
  {
    name: 'base-files',
    why: 'which Debian this is, for scanners, and the licences that packages refer to',
    keeps: ['usr/lib/os-release', 'etc/debian_version', 'usr/share/common-licenses'],
  },
  { name: 'dash', why: 'the launcher and the two placebos of fsck', keeps: ['usr/bin/dash', 'usr/bin/sh'] },
  {
    name: 'e2fsprogs',
    why: 'ext4: make, check, grow, and a fresh UUID for a clone',
    keeps: [
      'etc/mke2fs.conf',
      ...['mke2fs', 'mkfs.ext4', 'e2fsck', 'fsck.ext4', 'resize2fs', 'tune2fs', 'dumpe2fs'].map(inSbin),
    ],
  },
  {
    name: 'xfsprogs',
    why: 'xfs: make (also for older kernels), check, grow, and a fresh UUID for a clone',
    keeps: [...['mkfs.xfs', 'fsck.xfs', 'xfs_repair', 'xfs_growfs', 'xfs_db'].map(inSbin), 'usr/share/xfsprogs/mkfs'],
  },
  {
    name: 'btrfs-progs',
    why: 'btrfs: make, check, grow, and a fresh UUID for a clone',
    keeps: ['usr/bin/btrfs', 'usr/bin/btrfstune', ...['mkfs.btrfs', 'fsck.btrfs'].map(inSbin)],
  },
  {
    name: 'util-linux',
    why: 'to tell what is on a device, hold a lock, freeze, trim and wipe, and look into a namespace',
    keeps: [
      ...['blkdiscard', 'blkid', 'blockdev', 'fsck', 'fsfreeze', 'fstrim', 'wipefs'].map(inSbin),
      ...['findmnt', 'flock', 'lsblk', 'mountpoint', 'nsenter'].map((name) => `usr/bin/${name}`),
    ],
  },
  {
    name: 'mount',
    why: 'to mount, and to see and make loop devices',
    keeps: ['usr/bin/mount', 'usr/bin/umount', 'usr/sbin/losetup'],
  },
];

export const libraryPackages: readonly string[] = [
  'libblkid1',
  'libbsd0',
  'libc6',
  'libcom-err2',
  'libedit2',
  'libext2fs2',
  'libgcc-s1',
  'libinih1',
  'liblzo2-2',
  'libmd0',
  'libmount1',
  'libpcre2-8-0',
  'libselinux1',
  'libsmartcols1',
  'libstdc++6',
  'libtinfo6',
  'libudev1',
  'liburcu8',
  'libuuid1',
  'libzstd1',
  'zlib1g',
];

/** Whose copyright files those of other packages are links to. */
export const licencePackages: readonly string[] = ['gcc-12-base'];

export const allPackages: readonly string[] = [
  ...programPackages.map(({ name }) => name),
  ...libraryPackages,
  ...licencePackages,
].toSorted();

/** Where the libraries of an architecture lie. */
export const libraryFolder: Readonly<Record<Architecture, string>> = {
  amd64: 'usr/lib/x86_64-linux-gnu',
  arm64: 'usr/lib/aarch64-linux-gnu',
};

/** By number in the image's configuration, so that Kubernetes can see that it is not root; roles that need more say so. */
export const userId = 65532;

/** What no package brings: accounts, and where names come from. */
export const ownFiles: Readonly<Record<string, string>> = {
  'etc/passwd': `root:x:0:0:root:/:/usr/bin/sh\nholdfast:x:${userId}:${userId}:Holdfast:/:/usr/bin/sh\n`,
  'etc/group': `root:x:0:\nholdfast:x:${userId}:\n`,
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

export const ownLinks: Readonly<Record<string, string>> = {
  bin: 'usr/bin',
  lib: 'usr/lib',
  sbin: 'usr/sbin',
  'etc/mtab': '../proc/self/mounts',
  'etc/os-release': '../usr/lib/os-release',
};

/** With their modes. The first three are where the machine's own are mounted. */
export const ownFolders: Readonly<Record<string, number>> = {
  dev: 0o755,
  proc: 0o755,
  sys: 0o755,
  run: 0o755,
  tmp: 0o1777,
  'var/tmp': 0o1777,
};

function inSbin(name: string): string {
  return `usr/sbin/${name}`;
}
