/* The FUSE protocol, as much of it as one file called "volume" needs. Relies on
 * <linux/fuse.h> for the wire's layout. */
#define _GNU_SOURCE
#include "session.h"
#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { root_id = FUSE_ROOT_ID, volume_id = 2, cached_seconds = 3600 };
/* Newer than this machine's headers may be. */
enum { notify_resend = 7 };

struct worker {
	pthread_t thread;
	struct slot *slot;
	int fuse, backing, stop;
	unsigned delay_us;
};

/* ENOENT says that the kernel waits for no such answer: the predecessor gave it
 * before it ended. */
static bool reply(
	const struct worker *worker, int error, const void *data, size_t length)
{
	const struct fuse_in_header *in = (const void *)worker->slot->bytes;
	struct fuse_out_header out = { .len = sizeof out + (error ? 0 : length),
		.error = -error,
		.unique = in->unique };
	struct iovec parts[] = { { &out, sizeof out },
		{ (void *)data, error ? 0 : length } };
	ssize_t written = writev(worker->fuse, parts, 2);
	if (written < 0 && errno != ENOENT)
		fail("answer to request %llu: %s",
			(unsigned long long)in->unique, strerror(errno));
	return written >= 0;
}

static struct fuse_attr attributes(const struct worker *worker, uint64_t id)
{
	struct stat stat;
	struct fuse_attr attr = { .ino = id, .nlink = 1, .blksize = 4096 };
	if (fstat(worker->backing, &stat))
		fail("the backing file: %s", strerror(errno));
	attr.mode = id == root_id ? S_IFDIR | 0700 : S_IFREG | 0600;
	attr.size = id == root_id ? 0 : stat.st_size;
	attr.blocks = attr.size / 512;
	return attr;
}

static bool answer_init(const struct worker *worker)
{
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = largest_write,
		.flags = FUSE_MAX_PAGES,
		.max_background = 64,
		.congestion_threshold = 48,
		.max_write = largest_write,
		.time_gran = 1,
		.max_pages = largest_write / 4096 };
	return reply(worker, 0, &out, sizeof out);
}

static bool answer_lookup(const struct worker *worker, const char *name)
{
	struct fuse_entry_out out = { .nodeid = volume_id,
		.entry_valid = cached_seconds,
		.attr_valid = cached_seconds,
		.attr = attributes(worker, volume_id) };
	return reply(worker, strcmp(name, "volume") == 0 ? 0 : ENOENT, &out,
		sizeof out);
}

static bool answer_getattr(const struct worker *worker, uint64_t id)
{
	struct fuse_attr_out out = { .attr_valid = cached_seconds,
		.attr = attributes(worker, id) };
	return reply(worker, 0, &out, sizeof out);
}

static bool answer_read(
	const struct worker *worker, const struct fuse_read_in *in)
{
	uint8_t data[largest_write];
	ssize_t length = pread(worker->backing, data, in->size, in->offset);
	return reply(worker, length < 0 ? errno : 0, data, length);
}

static bool answer_write(
	const struct worker *worker, const struct fuse_write_in *in)
{
	ssize_t length = pwrite(worker->backing, in + 1, in->size, in->offset);
	struct fuse_write_out out = { .size = length };
	return reply(worker, length < 0 ? errno : 0, &out, sizeof out);
}

/* Whether the kernel took an answer. */
static bool answer(const struct worker *worker)
{
	const struct fuse_in_header *in = (const void *)worker->slot->bytes;
	const void *body = in + 1;
	/* Otherwise the kernel lets in one direct write of a file at a time,
	 * and rarely is more than one request in flight. */
	static const struct fuse_open_out opened = {
		.open_flags = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES
	};
	static const struct fuse_statfs_out statistics;
	switch (in->opcode) {
	case FUSE_INIT:
		return answer_init(worker);
	case FUSE_LOOKUP:
		return answer_lookup(worker, body);
	case FUSE_GETATTR:
		return answer_getattr(worker, in->nodeid);
	case FUSE_READ:
		return answer_read(worker, body);
	case FUSE_WRITE:
		return answer_write(worker, body);
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		return reply(worker, 0, &opened, sizeof opened);
	case FUSE_STATFS:
		return reply(worker, 0, &statistics, sizeof statistics);
	case FUSE_FSYNC:
		return reply(worker, fdatasync(worker->backing) ? errno : 0,
			NULL, 0);
	case FUSE_READDIR:
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_DESTROY:
		return reply(worker, 0, NULL, 0);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return false;
	default:
		return reply(worker, ENOSYS, NULL, 0);
	}
}

static void wipe(struct slot *slot)
{
	((struct fuse_in_header *)slot->bytes)->unique = 0;
}

static bool waits_long(const struct slot *slot)
{
	uint32_t opcode = ((const struct fuse_in_header *)slot->bytes)->opcode;
	return opcode == FUSE_READ || opcode == FUSE_WRITE;
}

static void *work(void *argument)
{
	const struct worker *worker = argument;
	struct pollfd wanted[] = { { .fd = worker->fuse, .events = POLLIN },
		{ .fd = worker->stop, .events = POLLIN } };
	for (;;) {
		if (poll(wanted, 2, -1) < 0 && errno != EINTR)
			fail("poll: %s", strerror(errno));
		if (wanted[1].revents)
			return NULL;
		ssize_t length =
			read(worker->fuse, worker->slot->bytes, slot_bytes);
		if (length < 0 &&
			(errno == EAGAIN || errno == EINTR || errno == ENOENT))
			continue;
		/* The last mount is gone, or the connection was ended. */
		if (length < 0 && (errno == ENODEV || errno == ECONNABORTED))
			exit(0);
		if (length < 0)
			fail("/dev/fuse: %s", strerror(errno));
		if (waits_long(worker->slot))
			usleep(worker->delay_us);
		answer(worker);
		wipe(worker->slot);
	}
}

static void resend(const struct session *session)
{
	struct fuse_out_header notice = { .len = sizeof notice,
		.error = notify_resend };
	for (int i = 0; i < workers; i++)
		wipe(&session->shared->slots[i]);
	if (write(session->fuse[0], &notice, sizeof notice) != sizeof notice)
		fail("FUSE_NOTIFY_RESEND: %s", strerror(errno));
	event("asked for all unanswered requests again");
}

static void answer_left_behind(struct worker *all)
{
	int found = 0, taken = 0;
	for (int i = 0; i < workers; i++) {
		if (((struct fuse_in_header *)all[i].slot->bytes)->unique == 0)
			continue;
		found++;
		taken += answer(&all[i]);
		wipe(all[i].slot);
	}
	event("requests left behind: %d, answers taken: %d", found, taken);
}

void serve_session(struct session *session, int backing, int stop,
	unsigned delay_us, enum recovery recovery)
{
	struct worker all[workers];
	for (int i = 0; i < workers; i++)
		all[i] = (struct worker){ .slot = &session->shared->slots[i],
			.fuse = session->fuse[i],
			.backing = backing,
			.stop = stop,
			.delay_us = delay_us };
	if (recovery == by_resend)
		resend(session);
	else
		answer_left_behind(all);
	for (int i = 0; i < workers; i++)
		if (pthread_create(&all[i].thread, NULL, work, &all[i]))
			fail("a thread could not be started");
	for (int i = 0; i < workers; i++)
		pthread_join(all[i].thread, NULL);
}
