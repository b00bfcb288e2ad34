/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * The groups of the program `api`, a file each, and what several of them need. Every group opens
 * its own sockets and closes them. Servers of these tests live on ports from API_PORT on.
 */
#ifndef API_H
#define API_H

#include "rpc.h"
#include "tap.h"

#define API_PORT 4000
#define UNSERVED_PORT 4999	/* nobody binds it */

void api_socket(void);
void api_options(void);
void api_send(void);
void api_receive(void);
void api_memory(void);
void api_ioctl(void);
void api_wait(void);
void api_shared(void);
void api_addresses(void);
void api_filters(void);
void api_compat(void);

/* A client and a server of AF_INET on this host, and the server's address. */
struct pair {
	struct endpoint client, server;
	union address to;
};

/* Ends the program with a failed test when the sockets cannot be opened. */
struct pair pair_open(void);
void pair_close(struct pair *p);

/* Run @call(@arg) in another thread after some milliseconds; later_join() waits for its end. */
struct later {
	void (*call)(void *arg);
	void *arg;
	unsigned int ms;
	unsigned long thread;
};

void later_start(struct later *l);
void later_join(struct later *l);

#endif /* API_H */
