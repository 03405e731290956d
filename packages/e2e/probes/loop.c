/* Loop devices: made over a file with direct I/O and a name of ours, looked at,
 * taken away. Devices are looked for in /host-dev first: the /dev of a
 * privileged container is a copy from its start and has no loop device that was
 * made later. */
#define _GNU_SOURCE
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *devices(void)
{
	return access("/host-dev/loop-control", F_OK) == 0 ? "/host-dev"
							   : "/dev";
}

static int open_device(const char *name)
{
	char path[128];
	const char *last = strrchr(name, '/');
	snprintf(path, sizeof path, "%s/%s", devices(), last ? last + 1 : name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	return fd;
}

int command_attach(int count, char **words)
{
	struct loop_config config = { .info = { .lo_flags =
							LO_FLAGS_DIRECT_IO } };
	char name[32];
	if (count != 2)
		fail("probe attach FILE NAME");
	int file = open(words[0], O_RDWR | O_DIRECT | O_CLOEXEC);
	if (file < 0)
		fail("%s: %s", words[0], strerror(errno));
	config.fd = file;
	config.block_size = 4096;
	/* All 64 bytes if the name is that long, without an end of its own: how
	 * many does the kernel keep? */
	memcpy(config.info.lo_file_name, words[1],
		strnlen(words[1], LO_NAME_SIZE));
	memcpy(config.info.lo_crypt_name, "crypt", 5);
	snprintf(name, sizeof name, "%s", devices());
	strcat(name, "/loop-control");
	int control = open(name, O_RDWR | O_CLOEXEC);
	for (;;) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0)
			fail("LOOP_CTL_GET_FREE: %s", strerror(errno));
		snprintf(name, sizeof name, "loop%d", number);
		int device = open_device(name);
		if (ioctl(device, LOOP_CONFIGURE, &config) == 0)
			break;
		/* Somebody else took the free one. */
		if (errno != EBUSY)
			fail("LOOP_CONFIGURE: %s", strerror(errno));
		close(device);
	}
	printf("/dev/%s\n", name);
	return 0;
}

int command_detach(int count, char **words)
{
	if (count != 1)
		fail("probe detach DEVICE");
	if (ioctl(open_device(words[0]), LOOP_CLR_FD))
		fail("LOOP_CLR_FD: %s", strerror(errno));
	return 0;
}

int command_name(int count, char **words)
{
	struct loop_info64 info;
	if (count != 1)
		fail("probe name DEVICE");
	if (ioctl(open_device(words[0]), LOOP_GET_STATUS64, &info))
		fail("LOOP_GET_STATUS64: %s", strerror(errno));
	printf("lo_file_name=%.64s lo_crypt_name=%.64s\n", info.lo_file_name,
		info.lo_crypt_name);
	return 0;
}
