/* A throwaway program that shows which facts about pods, mounts, loop devices
 * and FUSE hold on this kernel and this Kubernetes; run.sh starts it in pods
 * and judges what it sees. One static binary, no library but libc, the FUSE
 * protocol by hand. */
#include "session.h"
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int count, char **words);
	const char *usage;
} commands[] = {
	{ "serve", command_serve,
		"FOLDER SOURCE [--delay-us=N] [--leave] [--resend] "
		"[--detached]" },
	{ "keep", command_keep, "FOLDER [--first-only]" },
	{ "attach", command_attach, "FILE NAME" },
	{ "detach", command_detach, "DEVICE" },
	{ "name", command_name, "DEVICE" },
	{ "io", command_io, "TARGET STATS OFFSET THREADS" },
	{ "stats", command_stats, "STATS [--forget]" },
};

int main(int count, char **words)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (count > 1 && strcmp(words[1], commands[i].name) == 0)
			return commands[i].run(count - 2, words + 2);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(stderr, "probe %s %s\n", commands[i].name,
			commands[i].usage);
	return 2;
}
