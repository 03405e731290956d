/* A user of the volume that never pauses: threads that write blocks with a
 * number, read them back, and count. What they saw lies in a file that is
 * mapped into memory, so that it can be read, and the longest wait set back,
 * while they run. */
#define _GNU_SOURCE
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	block_bytes = 4096,
	blocks_per_thread = 64,
	thread_limit = 16,
	pause_after_error_us = 10000
};

struct stats {
	_Atomic uint64_t done, errors, wrong, longest_us;
	_Atomic int last_error;
};

static struct {
	const char *target;
	off_t offset;
	struct stats *stats;
} self;

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct stats *map_stats(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(struct stats)))
		fail("%s: %s", path, strerror(errno));
	struct stats *stats = mmap(
		NULL, sizeof *stats, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (stats == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	close(fd);
	return stats;
}

static bool transfer(int fd, bool writes, void *block, off_t at)
{
	uint64_t start = now_us();
	ssize_t length = writes ? pwrite(fd, block, block_bytes, at)
				: pread(fd, block, block_bytes, at);
	uint64_t took = now_us() - start,
		 longest = atomic_load(&self.stats->longest_us);
	while (took > longest &&
		!atomic_compare_exchange_weak(
			&self.stats->longest_us, &longest, took))
		;
	if (length == block_bytes) {
		atomic_fetch_add(&self.stats->done, 1);
		return true;
	}
	atomic_store(&self.stats->last_error, length < 0 ? errno : EIO);
	atomic_fetch_add(&self.stats->errors, 1);
	usleep(pause_after_error_us);
	return false;
}

static void *use(void *argument)
{
	off_t start = self.offset + (off_t)(intptr_t)argument *
					    blocks_per_thread * block_bytes;
	int fd = open(self.target, O_RDWR | O_DIRECT | O_CLOEXEC);
	uint64_t *block = aligned_alloc(block_bytes, block_bytes);
	if (fd < 0 || !block)
		fail("%s: %s", self.target, strerror(errno));
	for (uint64_t number = 1;; number++) {
		off_t at = start +
			   (off_t)(number % blocks_per_thread) * block_bytes;
		for (size_t i = 0; i < block_bytes / sizeof *block; i++)
			block[i] = number;
		if (!transfer(fd, true, block, at))
			continue;
		memset(block, 0, block_bytes);
		if (transfer(fd, false, block, at) &&
			(block[0] != number ||
				block[block_bytes / 8 - 1] != number))
			atomic_fetch_add(&self.stats->wrong, 1);
	}
}

int command_io(int count, char **words)
{
	pthread_t thread;
	if (count != 4)
		fail("probe io TARGET STATS OFFSET THREADS");
	self.target = words[0];
	self.stats = map_stats(words[1]);
	self.offset = strtoll(words[2], NULL, 10);
	int threads = atoi(words[3]);
	if (threads < 1 || threads > thread_limit)
		fail("1 to %d threads", thread_limit);
	for (intptr_t i = 0; i < threads; i++)
		if (pthread_create(&thread, NULL, use, (void *)i))
			fail("a thread could not be started");
	pthread_join(thread, NULL);
	return 0;
}

int command_stats(int count, char **words)
{
	if (count < 1)
		fail("probe stats STATS");
	struct stats *stats = map_stats(words[0]);
	int error = atomic_load(&stats->last_error);
	printf("done=%llu errors=%llu error=%s wrong=%llu longest_ms=%llu\n",
		(unsigned long long)stats->done,
		(unsigned long long)stats->errors,
		error ? strerrorname_np(error) : "none",
		(unsigned long long)stats->wrong,
		(unsigned long long)stats->longest_us / 1000);
	if (count > 1 && strcmp(words[1], "--forget") == 0)
		atomic_store(&stats->longest_us, 0);
	return 0;
}
