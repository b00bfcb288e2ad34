// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Open-loop load on a link of known rate: requests at random times with the sizes of a workload,
 * whatever has become of those before. Each must end once and right; a table says how long each
 * size took.
 */
#include "load.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "tap.h"

static const char usage[] =
	"Usage: load --server [--port PORT]\n"
	"       load --to ADDR[,ADDR...] --mbps N [OPTION ...]\n"
	"Serves until SIGTERM, or offers requests as a Poisson process and checks what becomes of\n"
	"each. Responses have 100 bytes. Messages longer than Homa allows are cut to its limit.\n"
	"  --port PORT      of the servers (4300)\n"
	"  --mbps N         rate of the link, Mbit/s\n"
	"  --load X         share of it, headers and control packets included (0.8)\n"
	"  --workload FILE  message sizes (./w4.tsv)\n"
	"  --seconds N      of load, and what the last message adds (10)\n"
	"  --limit N        seconds in which all must be done (60)\n"
	"  --node N         number of this client; each needs its own (1)\n"
	"  --seed N         of sizes and times (1)\n"
	"  --table FILE     write times by size there\n"
	"  --busy           do not judge how long short messages take\n"
	"  --help           show this\n";

enum { SERVER = 1, TO, PORT, MBPS, LOAD, WORKLOAD, SECONDS, LIMIT, NODE, SEED, TABLE, BUSY, HELP };

static const struct option options[] = {
	{ "server", no_argument, NULL, SERVER },
	{ "to", required_argument, NULL, TO },
	{ "port", required_argument, NULL, PORT },
	{ "mbps", required_argument, NULL, MBPS },
	{ "load", required_argument, NULL, LOAD },
	{ "workload", required_argument, NULL, WORKLOAD },
	{ "seconds", required_argument, NULL, SECONDS },
	{ "limit", required_argument, NULL, LIMIT },
	{ "node", required_argument, NULL, NODE },
	{ "seed", required_argument, NULL, SEED },
	{ "table", required_argument, NULL, TABLE },
	{ "busy", no_argument, NULL, BUSY },
	{ "help", no_argument, NULL, HELP },
	{ 0 },
};

static double share(void)
{
	char *end;
	double x = strtod(optarg, &end);

	if (end == optarg || *end || !(x > 0 && x <= 2)) {
		fprintf(stderr, "load: --load must be above 0 and at most 2\n");
		exit(2);
	}
	return x;
}

static void set_addresses(struct load_options *o)
{
	char *word;

	for (word = strtok(optarg, ","); word; word = strtok(NULL, ",")) {
		if (o->addresses == LOAD_MAX_PEERS) {
			fprintf(stderr, "load: at most %d addresses\n", LOAD_MAX_PEERS);
			exit(2);
		}
		o->address[o->addresses++] = word;
	}
}

static void serve(unsigned int port)
{
	sigset_t ends;
	int signal;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	load_serve(port);
	note("serving");
	sigwait(&ends, &signal);
	load_serve_end();
}

int main(int argc, char **argv)
{
	struct load_options o = {
		.port = 4300,
		.load = 0.8,
		.workload = "./w4.tsv",
		.seconds = 10,
		.limit = 60,
		.node = 1,
		.seed = 1,
	};
	bool server = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case SERVER:
			server = true;
			break;
		case TO:
			set_addresses(&o);
			break;
		case PORT:
			o.port = number(optarg, "--port", 1, HOMA_MIN_DEFAULT_PORT - 1);
			break;
		case MBPS:
			o.mbps = number(optarg, "--mbps", 1, 1000000);
			break;
		case LOAD:
			o.load = share();
			break;
		case WORKLOAD:
			o.workload = optarg;
			break;
		case SECONDS:
			o.seconds = number(optarg, "--seconds", 1, 86400);
			break;
		case LIMIT:
			o.limit = number(optarg, "--limit", 1, 86400);
			break;
		case NODE:
			o.node = number(optarg, "--node", 1, LOAD_MAX_PEERS);
			break;
		case SEED:
			o.seed = number(optarg, "--seed", 1, ~0ul);
			break;
		case TABLE:
			o.table = optarg;
			break;
		case BUSY:
			o.busy = true;
			break;
		case HELP:
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc || server == !!o.addresses || (!server && !o.mbps)) {
		fputs(usage, stderr);
		return 2;
	}
	if (server)
		serve(o.port);
	else
		load_run_client(&o);
	return done();
}
