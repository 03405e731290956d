/* What a server of the FUSE file system has to give away so that another
 * process can go on in its place: the descriptors of /dev/fuse, one per worker,
 * a memory file with the requests that were read and not yet answered, and, for
 * a mount that has no place in any namespace, the mount itself. Everything else
 * (the backing file, node ids) is found again from the folder. */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	workers = 2,
	largest_write = 128 * 1024,
	slot_bytes = largest_write + 4096
};

/* A request as the kernel wrote it. The kernel fills a slot in one system call,
 * which a SIGKILL does not cut in half, so a header with a number is a request
 * that was read; the number is wiped when the kernel has the answer. */
struct slot {
	uint8_t bytes[slot_bytes];
};

struct shared {
	struct slot slots[workers];
};

struct session {
	int fuse[workers];
	int memory;
	int mount; /* -1 where the file system has a mount point */
	struct shared *shared;
};

void session_mount(
	struct session *session, const char *point, const char *source);
void session_clone(struct session *session);
void session_map(struct session *session);
void session_close(struct session *session);

/* SCM_RIGHTS over a connected socket; `kept` of the FUSE descriptors, all
 * unless a case wants fewer. */
void session_send(int socket, const struct session *session, int kept);
bool session_receive(int socket, struct session *session);

int listen_at(const char *path);
int connect_to(const char *path);

/* server.c: answers what a predecessor had read and not answered, then whatever
 * comes, until `stop` is readable. */
enum recovery { from_memory, by_resend };
void serve_session(struct session *session, int backing, int stop,
	unsigned delay_us, enum recovery recovery);

/* events.c */
void events_open(const char *folder);
void event(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* The commands, each in the file of its name. */
int command_serve(int count, char **words);
int command_keep(int count, char **words);
int command_attach(int count, char **words);
int command_detach(int count, char **words);
int command_name(int count, char **words);
int command_io(int count, char **words);
int command_stats(int count, char **words);

#endif
