/* Holds what servers give it and gives it to the next one. It reads no request
 * and answers none: a descriptor that somebody holds is all that a connection
 * needs in order not to be ended. */
#define _GNU_SOURCE
#include "session.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { places = 8 };

static struct session kept;
static bool has_any;

/* Whether the connection goes on. */
static bool hear(int socket, int kept_count)
{
	struct session next;
	char word;
	if (read(socket, &word, 1) != 1)
		return false;
	if (word == 's' && session_receive(socket, &next)) {
		if (has_any)
			session_close(&kept);
		for (int i = kept_count; i < workers; i++) {
			close(next.fuse[i]);
			next.fuse[i] = -1;
		}
		kept = next;
		has_any = true;
		event("keeping");
	} else if (word == 'f' && has_any) {
		session_send(socket, &kept, kept_count);
		event("gave what was kept");
	} else if (word == 'f') {
		return false;
	}
	return true;
}

int command_keep(int count, char **words)
{
	char path[512];
	struct pollfd wanted[places + 1];
	if (count < 1)
		fail("probe keep FOLDER");
	int kept_count = count > 1 && strcmp(words[1], "--first-only") == 0
				 ? 1
				 : workers;
	events_open(words[0]);
	snprintf(path, sizeof path, "%s/keeper.sock", words[0]);
	wanted[0] = (struct pollfd){ .fd = listen_at(path), .events = POLLIN };
	event("keeper started");
	for (int used = 1;;) {
		poll(wanted, used, -1);
		for (int i = used - 1; i > 0; i--) {
			if (wanted[i].revents &&
				!hear(wanted[i].fd, kept_count)) {
				close(wanted[i].fd);
				wanted[i] = wanted[--used];
			}
		}
		if (wanted[0].revents && used <= places)
			wanted[used++] = (struct pollfd){
				.fd = accept4(
					wanted[0].fd, NULL, NULL, SOCK_CLOEXEC),
				.events = POLLIN
			};
	}
}
