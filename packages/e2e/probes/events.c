/* What happens, line by line, with the wall clock's milliseconds and the pod's
 * name, in one file that outlives the pods: an old pod's log is gone with it
 * just when its last words matter. */
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int events = STDERR_FILENO;

void events_open(const char *folder)
{
	char path[512];
	snprintf(path, sizeof path, "%s/events", folder);
	events = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (events < 0)
		fail("%s: %s", path, strerror(errno));
}

static void say(const char *format, va_list arguments)
{
	char line[512], host[64] = "";
	struct timespec when;
	clock_gettime(CLOCK_REALTIME, &when);
	gethostname(host, sizeof host - 1);
	int length = snprintf(line, sizeof line, "%lld.%03ld %s ",
		(long long)when.tv_sec, when.tv_nsec / 1000000, host);
	length += vsnprintf(
		line + length, sizeof line - length - 1, format, arguments);
	if (length > (int)sizeof line - 2)
		length = sizeof line - 2;
	line[length++] = '\n';
	/* One write, so that lines of several pods do not mix. */
	if (write(events, line, length) != length)
		abort();
}

void event(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

void fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	if (events != STDERR_FILENO)
		say(format, arguments);
	va_end(arguments);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}
