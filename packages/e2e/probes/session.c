/* Making a session, and giving it to another process over a unix socket. */
#define _GNU_SOURCE
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int open_fuse(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		fail("/dev/fuse: %s", strerror(errno));
	return fd;
}

/* A mount that is in no namespace: nothing on the node can stumble over it, and
 * it lives as long as this descriptor or a file of it is open. */
static int mount_detached(int fuse, const char *source)
{
	char text[16];
	int context = fsopen("fuse", FSOPEN_CLOEXEC);
	snprintf(text, sizeof text, "%d", fuse);
	if (context < 0 ||
		fsconfig(context, FSCONFIG_SET_STRING, "source", source, 0) ||
		fsconfig(context, FSCONFIG_SET_STRING, "fd", text, 0) ||
		fsconfig(
			context, FSCONFIG_SET_STRING, "rootmode", "40000", 0) ||
		fsconfig(context, FSCONFIG_SET_STRING, "user_id", "0", 0) ||
		fsconfig(context, FSCONFIG_SET_STRING, "group_id", "0", 0) ||
		fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fail("a detached mount: %s", strerror(errno));
	int mounted = fsmount(context, FSMOUNT_CLOEXEC, 0);
	if (mounted < 0)
		fail("fsmount: %s", strerror(errno));
	close(context);
	return mounted;
}

static void mount_at(int fuse, const char *point, const char *source)
{
	char options[128];
	mkdir(point, 0700);
	snprintf(options, sizeof options,
		"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse);
	if (mount(source, point, "fuse.probe", MS_NOSUID | MS_NODEV, options))
		fail("mount %s: %s", point, strerror(errno));
}

/* Each clone has a list of its own of requests that were read through it. */
void session_clone(struct session *session)
{
	for (int i = 1; i < workers; i++) {
		uint32_t first = session->fuse[0];
		if (session->fuse[i] >= 0)
			continue;
		session->fuse[i] = open_fuse();
		if (ioctl(session->fuse[i], FUSE_DEV_IOC_CLONE, &first))
			fail("FUSE_DEV_IOC_CLONE: %s", strerror(errno));
	}
}

void session_mount(
	struct session *session, const char *point, const char *source)
{
	session->fuse[0] = open_fuse();
	session->mount = -1;
	if (point)
		mount_at(session->fuse[0], point, source);
	else
		session->mount = mount_detached(session->fuse[0], source);
	for (int i = 1; i < workers; i++)
		session->fuse[i] = -1;
	session_clone(session);
	session->memory = memfd_create("requests", MFD_CLOEXEC);
	if (session->memory < 0 ||
		ftruncate(session->memory, sizeof(struct shared)))
		fail("a memory file: %s", strerror(errno));
	session_map(session);
}

void session_map(struct session *session)
{
	session->shared = mmap(NULL, sizeof(struct shared),
		PROT_READ | PROT_WRITE, MAP_SHARED, session->memory, 0);
	if (session->shared == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
}

void session_close(struct session *session)
{
	for (int i = 0; i < workers; i++)
		if (session->fuse[i] >= 0)
			close(session->fuse[i]);
	if (session->mount >= 0)
		close(session->mount);
	close(session->memory);
	munmap(session->shared, sizeof(struct shared));
}

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE((workers + 2) * sizeof(int))];
};

void session_send(int socket, const struct session *session, int kept)
{
	int given[workers + 2], count = 0;
	given[count++] = session->memory;
	for (int i = 0; i < kept; i++)
		given[count++] = session->fuse[i];
	if (session->mount >= 0)
		given[count++] = session->mount;
	char head[2] = { (char)kept, session->mount >= 0 };
	union control control = { 0 };
	struct iovec data = { head, sizeof head };
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.header), given, count * sizeof(int));
	sendmsg(socket, &message, MSG_NOSIGNAL);
}

bool session_receive(int socket, struct session *session)
{
	char head[2];
	int taken[workers + 2], next = 0;
	union control control = { 0 };
	struct iovec data = { head, sizeof head };
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != sizeof head ||
		message.msg_controllen == 0)
		return false;
	memcpy(taken, CMSG_DATA(&control.header),
		control.header.cmsg_len - CMSG_LEN(0));
	session->memory = taken[next++];
	for (int i = 0; i < workers; i++)
		session->fuse[i] = i < head[0] ? taken[next++] : -1;
	session->mount = head[1] ? taken[next++] : -1;
	session_map(session);
	return true;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address.sun_path)
		fail("%s is longer than a socket's name may be", path);
	strcpy(address.sun_path, path);
	return address;
}

/* Bound beside and renamed into place: whoever connects finds the old listener
 * or the next one, never nobody. */
int listen_at(const char *path)
{
	char beside[120];
	snprintf(beside, sizeof beside, "%s.%d", path, getpid());
	unlink(beside);
	struct sockaddr_un address = address_of(beside);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) ||
		listen(fd, 8) || rename(beside, path))
		fail("listen at %s: %s", path, strerror(errno));
	return fd;
}

int connect_to(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
		connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}
