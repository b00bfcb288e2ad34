/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * What client and server of the program `load` have in common. Called by load*.c only.
 */
#ifndef LOAD_H
#define LOAD_H

#include "rpc.h"

#define LOAD_MAX_PEERS	  16
#define LOAD_MAX_MESSAGES (1u << 20)	/* of one client */
#define LOAD_REPLY	  100		/* bytes of each response */

struct load_options {
	const char *address[LOAD_MAX_PEERS];	/* of servers, taken at random */
	unsigned int addresses;
	unsigned int port;
	const char *workload;
	double load;		/* share of the link, headers and control packets included */
	unsigned int mbps;	/* of the link */
	unsigned int seconds;	/* of load, and what the last message adds */
	unsigned int limit;	/* seconds until all must be done */
	unsigned int node;	/* names the client */
	unsigned long seed;
	const char *table;	/* file to write; NULL: none */
	bool busy;		/* other traffic may make short messages wait */
};

/* Begins a request; the pattern of its number follows. */
struct load_head {
	uint64_t number;	/* client << 32 | message; the key of the pattern */
	uint32_t length;
	uint32_t pad;
};

/* Offer the load, wait for the last response, report tests and the table of times. */
void load_run_client(const struct load_options *o);

/**
 * load_serve() - Answer requests and check each, in a thread of its own.
 * @port: To bind.
 */
void load_serve(unsigned int port);

/* Report what load_serve() has seen. */
void load_serve_end(void);

#endif /* LOAD_H */
