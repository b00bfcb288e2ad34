// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Many clients and servers, thousands of RPCs of mixed lengths at a time: each must end once, with
 * the right bytes or with an error that the network explains, and must run at most once. Both sides
 * in one program, or apart in different network namespaces.
 */
#include "number.h"
#include "stress.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

static const char usage[] =
	"Usage: stress [OPTION ...]\n"
	"Keeps many RPCs under way between many sockets and checks what becomes of each.\n"
	"  --server             only serve, until SIGTERM; then report\n"
	"  --server-addr ADDR   only be clients, of the servers at ADDR\n"
	"  --port PORT          of the first server (4200)\n"
	"  --servers N          server sockets, a port each (4)\n"
	"  --clients N          client sockets (8)\n"
	"  --rpcs N             of each client (500)\n"
	"  --window N           RPCs of each client at a time (100)\n"
	"  --max-size BYTES     of requests and responses (1000000)\n"
	"  --min-size BYTES     any length from this on, instead of mostly short ones\n"
	"  --bpages N           of each server's memory (256)\n"
	"  --timeouts-ok PCT    RPCs that may end with ETIMEDOUT (0)\n"
	"  --corrupt-ok         the network changes bytes: wrong contents and errors do not count\n"
	"  --seconds N          limit (60)\n"
	"  --help               show this\n";

enum {
	SERVER = 1, ADDRESS, PORT, SERVERS, CLIENTS, RPCS, WINDOW, SIZE, LEAST, BPAGES, TIMEOUTS,
	CORRUPT, SECONDS, HELP
};

static const struct option options[] = {
	{ "server", no_argument, NULL, SERVER },
	{ "server-addr", required_argument, NULL, ADDRESS },
	{ "port", required_argument, NULL, PORT },
	{ "servers", required_argument, NULL, SERVERS },
	{ "clients", required_argument, NULL, CLIENTS },
	{ "rpcs", required_argument, NULL, RPCS },
	{ "window", required_argument, NULL, WINDOW },
	{ "max-size", required_argument, NULL, SIZE },
	{ "min-size", required_argument, NULL, LEAST },
	{ "bpages", required_argument, NULL, BPAGES },
	{ "timeouts-ok", required_argument, NULL, TIMEOUTS },
	{ "corrupt-ok", no_argument, NULL, CORRUPT },
	{ "seconds", required_argument, NULL, SECONDS },
	{ "help", no_argument, NULL, HELP },
	{ 0 },
};

static void wait_for_the_end(sigset_t *set)
{
	int signal;

	sigwait(set, &signal);
}

int main(int argc, char **argv)
{
	struct stress_options o = {
		.port = 4200,
		.servers = 4,
		.clients = 8,
		.rpcs = 500,
		.window = 100,
		.max_size = HOMA_MAX_MESSAGE_LENGTH,
		.bpages = 256,
		.seconds = 60,
	};
	bool server_only = false;
	sigset_t ends;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case SERVER:
			server_only = true;
			break;
		case ADDRESS:
			o.address = optarg;
			break;
		case PORT:
			o.port = number(optarg, "--port", 1, 32000);
			break;
		case SERVERS:
			o.servers = number(optarg, "--servers", 1, 64);
			break;
		case CLIENTS:
			o.clients = number(optarg, "--clients", 1, 256);
			break;
		case RPCS:
			o.rpcs = number(optarg, "--rpcs", 1, 1000000);
			break;
		case WINDOW:
			o.window = number(optarg, "--window", 1, 1000000);
			break;
		case SIZE:
			o.max_size = number(optarg, "--max-size", 1, HOMA_MAX_MESSAGE_LENGTH);
			break;
		case LEAST:
			o.min_size = number(optarg, "--min-size", 1, HOMA_MAX_MESSAGE_LENGTH);
			break;
		case BPAGES:
			o.bpages = number(optarg, "--bpages", 1, 16384);
			break;
		case TIMEOUTS:
			o.timeouts = number(optarg, "--timeouts-ok", 0, 100);
			break;
		case CORRUPT:
			o.corrupt = true;
			break;
		case SECONDS:
			o.seconds = number(optarg, "--seconds", 1, 86400);
			break;
		case HELP:
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (o.min_size && o.min_size < sizeof(struct stress_head))
		o.min_size = sizeof(struct stress_head);
	if (optind < argc || (server_only && o.address) || o.min_size > o.max_size) {
		fputs(usage, stderr);
		return 2;
	}

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	if (server_only || !o.address)
		stress_serve(&o);
	if (server_only) {
		note("serving");
		wait_for_the_end(&ends);
		stress_serve_end();
		return done();
	}
	within(o.seconds + 30, "the clients");
	if (o.address) {
		stress_run_clients(&o);
		return done();
	}
	o.address = "127.0.0.1";
	stress_run_clients(&o);
	o.address = "::1";
	stress_run_clients(&o);
	stress_serve_end();
	return done();
}
