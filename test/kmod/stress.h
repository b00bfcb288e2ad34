/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The two sides of the program `stress`. A request says which one it is and how long a response is
 * wanted; the rest of both messages is a pattern of its number, so each side can check each byte
 * without knowing anything else.
 */
#ifndef STRESS_H
#define STRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc.h"

/* The first bytes of every request, and so its least length. */
struct stress_head {
	uint64_t number;	/* no other request of any client has it */
	uint32_t reply_length;	/* bytes */
	uint32_t length;	/* bytes of the request, this included */
};

struct stress_options {
	const char *address;	/* of the servers */
	unsigned int port;	/* the first; each server has one */
	unsigned int servers;
	unsigned int clients;	/* threads, each with a socket */
	unsigned int rpcs;	/* of each client */
	unsigned int window;	/* RPCs of each client at a time */
	unsigned int max_size;	/* bytes, of requests and responses */
	unsigned int min_size;	/* likewise; 0: mostly short ones */
	unsigned int bpages;	/* of each server's memory */
	unsigned int timeouts;	/* percent of the RPCs that may end with ETIMEDOUT */
	unsigned int seconds;	/* limit */
	bool corrupt;	/* the network changes bytes: contents and errors do not count */
};

/**
 * stress_serve() - Start the servers, a thread and a socket each.
 * @o: Must stay valid.
 */
void stress_serve(const struct stress_options *o);

/* End them, and report what they saw as tests. */
void stress_serve_end(void);

/* Send and receive everything; report it as tests. */
void stress_run_clients(const struct stress_options *o);

/**
 * stress_quiet() - Report as tests that a socket has nothing left of the RPCs it had.
 * @e:	  Socket, with no message that is not given back.
 * @what: Name of it.
 */
void stress_quiet(const struct endpoint *e, const char *what);

#endif /* STRESS_H */
