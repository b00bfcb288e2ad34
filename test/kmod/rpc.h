/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Homa sockets with little effort, for the test programs: one call each to open, send, receive and
 * reply, and message contents that can be checked byte by byte. The functions keep errno of the
 * system call that failed; none of them holds a state of its own, so any thread may call.
 */
#ifndef RPC_H
#define RPC_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "homa.h"

union address {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_storage any;
};

struct endpoint {
	int fd;
	int family;
	char *memory;		/* for incoming messages; NULL: none */
	size_t length;		/* bytes of it */
};

/* A message received. Starts zeroed; the next receive() into it gives its bpages back. */
struct message {
	struct homa_recvmsg_args args;
	union address from;
	socklen_t from_length;
	ssize_t length;		/* -1: the call failed */
};

/**
 * address_of() - An address from text; ends the program when it is none.
 * @text: IPv4 or IPv6; a link-local one may end in %LINK.
 * @port: In host order.
 */
union address address_of(const char *text, unsigned int port);

socklen_t address_length(const union address *address);

/* Port in host order. */
unsigned int address_port(const union address *address);

/**
 * endpoint_open() - A socket with memory for incoming messages.
 * @e:	    To fill in.
 * @family: AF_INET or AF_INET6.
 * @port:   To bind; 0: none.
 * @bpages: Of memory; 0: none.
 * Return:  0, or -1 with errno.
 */
int endpoint_open(struct endpoint *e, int family, unsigned int port, unsigned int bpages);

/* Like endpoint_open(), and ends the program with a failed test if it cannot be. */
struct endpoint endpoint_must(int family, unsigned int port, unsigned int bpages);

void endpoint_close(struct endpoint *e);

/* Port of the socket in host order, 0 when it cannot be told. */
unsigned int endpoint_port(const struct endpoint *e);

/**
 * send_request() - Send a request.
 * @e:	    Socket.
 * @to:	    Server.
 * @data:   Request.
 * @length: Bytes of it.
 * @args:   Cookie and flags; gets the id. NULL: neither wanted.
 * Return:  0, or -1 with errno.
 */
int send_request(const struct endpoint *e, const union address *to, const void *data,
		 size_t length, struct homa_sendmsg_args *args);

/* Send the response to request @m. Return: 0, or -1 with errno. */
int send_reply(const struct endpoint *e, struct message *m, const void *data, size_t length);

/* Send request @m back as its response, from the bpages it lies in. */
int send_echo(const struct endpoint *e, struct message *m);

/**
 * receive() - Wait for a message.
 * @e:	   Socket.
 * @m:	   Where to keep it; the bpages of the one before are given back.
 * @id:	   Of a private request; 0: any that is not private.
 * @flags: MSG_DONTWAIT or 0.
 * Return: Bytes of the message, or -1 with errno.
 */
ssize_t receive(const struct endpoint *e, struct message *m, uint64_t id, int flags);

/* Copy message @m to @data, which has room for it. */
void message_copy(const struct endpoint *e, const struct message *m, void *data);

/**
 * pattern_fill() - Bytes that differ with the place in a message and with its key.
 * @data:   To fill.
 * @length: Bytes to fill.
 * @key:    Of the message.
 */
void pattern_fill(void *data, size_t length, uint64_t key);

/**
 * pattern_wrong() - Check bytes of a message.
 * @data:   To check.
 * @length: Bytes.
 * @offset: Of the first one within the message; a multiple of 8.
 * @key:    Of the message.
 * Return:  Index of the first wrong byte, @length when all are right.
 */
size_t pattern_wrong(const void *data, size_t length, size_t offset, uint64_t key);

/* Offset of the first byte of @m that is not the pattern of @key; its length when all are. */
size_t message_wrong(const struct endpoint *e, const struct message *m, uint64_t key);

/**
 * echoed() - One whole RPC, client and server in turn in the calling thread.
 * @client: Sends and receives; nothing else may be on its way to it.
 * @server: Likewise.
 * @to:	    Address of @server.
 * @length: Bytes each way.
 * Return:  The request arrived, the response arrived, and both were as sent.
 */
bool echoed(const struct endpoint *client, const struct endpoint *server,
	    const union address *to, size_t length);

/* Write the lowest @bytes bytes of @value at @at in network order, for packets of one's own. */
void put_be(uint8_t *at, uint64_t value, unsigned int bytes);

/* Nanoseconds of the monotonic clock. */
uint64_t now_ns(void);

#endif /* RPC_H */
