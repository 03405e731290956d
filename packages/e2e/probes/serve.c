/* The first process of a server's pod. It holds every descriptor and touches no
 * data; a child of it serves, and is started again when it dies. It takes over
 * from the server before it, or from the keeper, and gives all away when it is
 * asked to. A lock on a file, shared with the child, is proof that neither
 * lives any more. */
#define _GNU_SOURCE
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { keeper_retry_ms = 200 };

static struct {
	const char *folder;
	unsigned delay_us;
	bool leaves, is_detached;
	enum recovery recovery;
	struct session session;
	int lock, stop, keeper;
	pid_t child;
} self;

static const char *in_folder(const char *name)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/%s", self.folder, name);
	return path;
}

static void take_lock(void)
{
	self.lock = open(in_folder("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (self.lock < 0 || flock(self.lock, LOCK_EX))
		fail("the lock: %s", strerror(errno));
}

/* The child has the same open file, so the lock goes when both have closed it.
 */
static void start_child(enum recovery recovery)
{
	pid_t parent = getpid();
	uint64_t ignored;
	if (read(self.stop, &ignored, sizeof ignored) < 0 && errno != EAGAIN)
		fail("eventfd: %s", strerror(errno));
	self.child = fork();
	if (self.child < 0)
		fail("fork: %s", strerror(errno));
	if (self.child > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		exit(1);
	int backing = open(in_folder("backing"), O_RDWR | O_CLOEXEC);
	if (backing < 0)
		fail("%s: %s", in_folder("backing"), strerror(errno));
	serve_session(
		&self.session, backing, self.stop, self.delay_us, recovery);
	exit(0);
}

static void stop_child(void)
{
	uint64_t one = 1;
	if (write(self.stop, &one, sizeof one) != sizeof one ||
		waitpid(self.child, NULL, 0) != self.child)
		fail("the child did not end: %s", strerror(errno));
	self.child = 0;
}

static bool is_serving(void)
{
	return self.child != 0;
}

static bool take_from(const char *name, const char *word)
{
	int socket = connect_to(in_folder(name));
	if (socket < 0)
		return false;
	bool taken = write(socket, word, 1) == 1 &&
		     session_receive(socket, &self.session);
	if (taken && write(socket, "!", 1) != 1)
		fail("%s went away in the middle", name);
	close(socket);
	return taken;
}

static void acquire(const char *source)
{
	if (take_from("engine.sock", "t")) {
		take_lock();
		event("took over from the server before");
	} else {
		/* Whoever served may not be quite dead yet. */
		take_lock();
		if (take_from("keeper.sock", "f")) {
			event("fetched from the keeper");
			session_clone(&self.session);
		} else {
			session_mount(&self.session,
				self.is_detached ? NULL : in_folder("fuse"),
				source);
			event("mounted");
		}
	}
}

/* The connection stays open: its end is how a new keeper is noticed. */
static void give_to_keeper(void)
{
	self.keeper = connect_to(in_folder("keeper.sock"));
	if (self.keeper < 0)
		return;
	if (write(self.keeper, "s", 1) == 1)
		session_send(self.keeper, &self.session, workers);
	event("gave all to the keeper");
}

static void hand_over(int listener)
{
	char word, received;
	int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (read(socket, &word, 1) != 1 || word != 't' || !is_serving()) {
		close(socket);
		return;
	}
	stop_child();
	close(self.lock);
	session_send(socket, &self.session, workers);
	if (read(socket, &received, 1) != 1) {
		take_lock();
		start_child(from_memory);
		event("the next server went away in the middle; serving again");
	} else {
		session_close(&self.session);
		close(self.keeper);
		self.keeper = -1;
		event("handed over");
	}
	close(socket);
	if (self.leaves && !is_serving())
		exit(0);
}

static void take_signal(int signals)
{
	struct signalfd_siginfo signal;
	int status;
	if (read(signals, &signal, sizeof signal) != sizeof signal)
		fail("signalfd: %s", strerror(errno));
	if (signal.ssi_signo == SIGTERM) {
		event("SIGTERM while %s", is_serving() ? "serving" : "idle");
		/* A surging DaemonSet has the next pod on its way already, also
		 * for a pod that was merely deleted. */
		if (!is_serving())
			exit(0);
		self.leaves = true;
	}
	if (is_serving() &&
		waitpid(self.child, &status, WNOHANG) == self.child) {
		if (WIFEXITED(status))
			fail("the connection is gone");
		event("the child died (%s); starting another",
			strsignal(WTERMSIG(status)));
		start_child(self.recovery);
	}
}

static void watch(int listener, int signals)
{
	for (;;) {
		bool seeks_keeper = is_serving() && self.keeper < 0;
		struct pollfd wanted[] = { { .fd = listener, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
			{ .fd = self.keeper, .events = POLLIN } };
		if (poll(wanted, 3, seeks_keeper ? keeper_retry_ms : -1) < 0 &&
			errno != EINTR)
			fail("poll: %s", strerror(errno));
		if (wanted[1].revents)
			take_signal(signals);
		if (wanted[0].revents)
			hand_over(listener);
		if (is_serving() && self.keeper >= 0 && wanted[2].revents) {
			close(self.keeper);
			self.keeper = -1;
		}
		if (is_serving() && self.keeper < 0)
			give_to_keeper();
	}
}

static void read_options(int count, char **words)
{
	self.folder = words[0];
	for (int i = 2; i < count; i++) {
		if (strncmp(words[i], "--delay-us=", 11) == 0)
			self.delay_us = strtoul(words[i] + 11, NULL, 10);
		else if (strcmp(words[i], "--leave") == 0)
			self.leaves = true;
		else if (strcmp(words[i], "--resend") == 0)
			self.recovery = by_resend;
		else if (strcmp(words[i], "--detached") == 0)
			self.is_detached = true;
		else
			fail("%s is no option", words[i]);
	}
}

int command_serve(int count, char **words)
{
	sigset_t watched;
	if (count < 2)
		fail("probe serve FOLDER SOURCE");
	read_options(count, words);
	events_open(self.folder);
	event("started");
	self.keeper = -1;
	self.stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigemptyset(&watched);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGCHLD);
	sigprocmask(SIG_BLOCK, &watched, NULL);
	acquire(words[1]);
	start_child(self.recovery);
	int listener = listen_at(in_folder("engine.sock"));
	give_to_keeper();
	if (self.session.mount >= 0)
		event("the mount is descriptor %d", self.session.mount);
	int ready = open("/ready", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (ready < 0)
		fail("/ready: %s", strerror(errno));
	close(ready);
	event("serving");
	watch(listener, signalfd(-1, &watched, SFD_CLOEXEC));
	return 0;
}
