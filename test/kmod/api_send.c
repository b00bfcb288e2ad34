// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of sendmsg(); part of `api`.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api.h"

static char data[HOMA_MAX_MESSAGE_LENGTH + 1];

/* A request of @length bytes, with every part of the call in sight. */
struct call {
	union address to;
	struct homa_sendmsg_args args;
	struct iovec piece;
	struct msghdr msg;
};

static struct call *call(const struct pair *p, size_t length)
{
	static struct call c;

	memset(&c, 0, sizeof(c));
	c.to = p->to;
	c.piece.iov_base = data;
	c.piece.iov_len = length;
	c.msg.msg_name = &c.to;
	c.msg.msg_namelen = sizeof(c.to.in4);
	c.msg.msg_iov = &c.piece;
	c.msg.msg_iovlen = 1;
	c.msg.msg_control = &c.args;
	return &c;
}

static void bad_arguments(const struct pair *p)
{
	int fd = p->client.fd;
	struct call *c;
	void *page;

	c = call(p, 100);
	c->msg.msg_control = (void *)8;
	fails(sendmsg(fd, &c->msg, 0), EFAULT, "arguments at a bad pointer");
	c = call(p, 100);
	c->msg.msg_control = NULL;
	fails_either(sendmsg(fd, &c->msg, 0), EINVAL, EFAULT, "no arguments");
	fails_either(send(fd, data, 100, 0), EINVAL, EFAULT, "send() cannot give any");
	fails_either(write(fd, data, 100), EINVAL, EFAULT, "nor can write()");
	c = call(p, 100);
	c->msg.msg_controllen = sizeof(c->args);
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "msg_controllen must be 0");
	c = call(p, 100);
	c->args.reserved = 1;
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "the reserved field must be 0");
	c = call(p, 100);
	c->args.flags = HOMA_SENDMSG_VALID_FLAGS + 1;
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "an unknown flag");
	c = call(p, 100);
	c->args.flags = 0x80000000;
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "another unknown flag");

	fails(sendmsg(fd, &call(p, HOMA_MAX_MESSAGE_LENGTH + 1)->msg, 0), EINVAL,
	      "one byte more than the longest message");
	c = call(p, 0);
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "a message without bytes");
	c->msg.msg_iovlen = 0;
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "a message without pieces");
	c = call(p, 100);
	c->piece.iov_base = (void *)8;
	fails(sendmsg(fd, &c->msg, 0), EFAULT, "data at a bad pointer");
	c = call(p, HOMA_MAX_MESSAGE_LENGTH);
	c->piece.iov_base = mmap(NULL, HOMA_MAX_MESSAGE_LENGTH, PROT_READ,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect((char *)c->piece.iov_base + 0x80000, HOMA_MAX_MESSAGE_LENGTH - 0x80000, PROT_NONE);
	fails(sendmsg(fd, &c->msg, 0), EFAULT, "data that can only be read up to the middle");
	munmap(c->piece.iov_base, HOMA_MAX_MESSAGE_LENGTH);
	c = call(p, 100);
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	c->msg.msg_control = page;
	fails(sendmsg(fd, &c->msg, 0), EFAULT, "arguments that cannot be written to");
	munmap(page, 4096);
}

static void bad_addresses(const struct pair *p)
{
	struct endpoint six = endpoint_must(AF_INET6, 0, 16);
	int fd = p->client.fd;
	struct call *c;

	c = call(p, 100);
	c->to = address_of("::1", API_PORT);
	c->msg.msg_namelen = sizeof(c->to.in6);
	fails(sendmsg(fd, &c->msg, 0), EAFNOSUPPORT, "an IPv6 address on AF_INET");
	c = call(p, 100);
	fails_either(sendmsg(six.fd, &c->msg, 0), EAFNOSUPPORT, EINVAL,
		     "an IPv4 address on AF_INET6");
	c = call(p, 100);
	c->to.sa.sa_family = AF_UNIX;
	fails(sendmsg(fd, &c->msg, 0), EAFNOSUPPORT, "an address of another family");
	c = call(p, 100);
	c->msg.msg_namelen = sizeof(c->to.in4) - 1;
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "a short IPv4 address");
	c = call(p, 100);
	c->to = address_of("::1", API_PORT);
	c->msg.msg_namelen = sizeof(c->to.in6) - 5;
	fails(sendmsg(six.fd, &c->msg, 0), EINVAL, "a short IPv6 address");
	c = call(p, 100);
	c->msg.msg_name = NULL;
	c->msg.msg_namelen = 0;
	fails_either(sendmsg(fd, &c->msg, 0), EINVAL, EDESTADDRREQ, "no address");
	c = call(p, 100);
	c->to.in4.sin_port = 0;
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "port 0");
	endpoint_close(&six);
}

static void bad_replies(const struct pair *p)
{
	struct message request = { 0 }, response = { 0 };
	int fd = p->server.fd;
	struct call *c;

	c = call(p, 100);
	c->args.id = 12345;
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "a reply to an RPC that does not exist");
	c->args.id = 12344;
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "a reply to the id of a client");

	c = call(p, 100);
	is(sendmsg(p->client.fd, &c->msg, 0), 0, "a request of 100 bytes");
	is(receive(&p->server, &request, 0, 0), 100, "arrives");

	c = call(p, 100);
	c->to = request.from;
	c->args.id = request.args.id;
	c->args.completion_cookie = 1;
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "a cookie with a reply");
	c->args.completion_cookie = 0;
	c->piece.iov_len = HOMA_MAX_MESSAGE_LENGTH + 1;
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "a reply one byte too long");
	/* A failed reply must not have used the RPC up, except where the data could not be read. */
	c->args.id = request.args.id;
	c->piece.iov_len = 200;
	is(sendmsg(fd, &c->msg, 0), 0, "then a reply that is right");
	is(c->args.id, request.args.id, "leaves the id as it was");
	is(receive(&p->client, &response, 0, 0), 200, "and arrives");
	fails(sendmsg(fd, &c->msg, 0), EINVAL, "a second reply to the same request");
	c->args.id = request.args.id ^ 1;
	fails(sendmsg(p->client.fd, &c->msg, 0), EINVAL, "a reply by the client");
	receive(&p->server, &request, 0, MSG_DONTWAIT);
	receive(&p->client, &response, 0, MSG_DONTWAIT);
}

static void good_requests(const struct pair *p)
{
	struct homa_sendmsg_args a = { .completion_cookie = 7 }, b = { .completion_cookie = 8 };
	struct message request = { 0 }, response = { 0 };
	int i;

	is(send_request(&p->client, &p->to, data, 10, &a), 0, "sendmsg() returns 0");
	ok(a.id && !(a.id & 1), "and an even id");
	is(a.completion_cookie, 7, "and leaves the cookie as it was");
	is(send_request(&p->client, &p->to, data, 20, &b), 0, "a second request");
	ok(b.id && !(b.id & 1) && b.id != a.id, "has another id");
	for (i = 0; i < 2; i++) {
		ssize_t length = receive(&p->server, &request, 0, 0);
		const struct homa_sendmsg_args *args = length == 10 ? &a : &b;

		ok(length == 10 || length == 20, "request %d arrives", i);
		is(request.args.id, args->id ^ 1, "under the id that the server knows it by");
		is(request.args.completion_cookie, 0, "without the client's cookie");
		is(address_port(&request.from), endpoint_port(&p->client), "from its port");
		is(send_echo(&p->server, &request), 0, "its echo is sent");
		is(receive(&p->client, &response, 0, 0), length, "and arrives");
		is(response.args.id, args->id, "under the client's id");
		is(response.args.completion_cookie, args->completion_cookie, "with its cookie");
		is(address_port(&response.from), API_PORT, "from the server's port");
	}
	receive(&p->server, &request, 0, MSG_DONTWAIT);
	receive(&p->client, &response, 0, MSG_DONTWAIT);
}

/* Pieces of all lengths, among them empty ones, that make up one message. */
static void pieces(const struct pair *p, size_t length, size_t step, size_t count)
{
	struct message request = { 0 }, response = { 0 };
	struct iovec *piece = calloc(count, sizeof(*piece));
	struct call *c = call(p, length);
	size_t at = 0, i;

	pattern_fill(data, length, step);
	for (i = 0; i < count; i++) {
		size_t n = i % 5 == 4 ? 0 : step + i % 3;

		if (i == count - 1 || at + n > length)
			n = length - at;
		piece[i].iov_base = data + at;
		piece[i].iov_len = n;
		at += n;
	}
	c->msg.msg_iov = piece;
	c->msg.msg_iovlen = count;
	is(sendmsg(p->client.fd, &c->msg, 0), 0, "%zu bytes from %zu pieces", length, count);
	is(receive(&p->server, &request, 0, 0), length, "arrive");
	is(message_wrong(&p->server, &request, step), length, "as they were");
	is(send_echo(&p->server, &request), 0, "and are sent back");
	is(receive(&p->client, &response, 0, 0), length, "and arrive");
	is(message_wrong(&p->client, &response, step), length, "as they were, too");
	receive(&p->server, &request, 0, MSG_DONTWAIT);
	receive(&p->client, &response, 0, MSG_DONTWAIT);
	free(piece);
}

/* What the caller does with its buffer after sendmsg() has returned is its own affair. */
static void buffer_is_free(const struct pair *p)
{
	struct message request = { 0 };
	size_t length = 500000;

	pattern_fill(data, length, 5);
	send_request(&p->client, &p->to, data, length, NULL);
	memset(data, 0xee, length);
	is(receive(&p->server, &request, 0, 0), length, "a request whose buffer was overwritten");
	is(message_wrong(&p->server, &request, 5), length, "arrives as it was sent");
	send_reply(&p->server, &request, "x", 1);
	receive(&p->server, &request, 0, MSG_DONTWAIT);
	receive(&p->client, &request, 0, 0);
	receive(&p->client, &request, 0, MSG_DONTWAIT);
}

void api_send(void)
{
	struct pair p = pair_open();
	struct message request = { 0 }, response = { 0 };

	bad_arguments(&p);
	fails(receive(&p.server, &request, 0, MSG_DONTWAIT), EAGAIN,
	      "a request whose call failed does not reach the server");
	receive(&p.server, &request, 0, MSG_DONTWAIT);
	fails(receive(&p.client, &response, 0, MSG_DONTWAIT), EAGAIN, "nor leaves an RPC behind");
	bad_addresses(&p);
	while (receive(&p.server, &request, 0, MSG_DONTWAIT) > 0)
		;
	bad_replies(&p);
	good_requests(&p);
	pieces(&p, 1000, 1, 1000);
	pieces(&p, 30000, 100, 200);
	pieces(&p, 1000000, 1500, 1024);
	buffer_is_free(&p);
	ok(echoed(&p.client, &p.server, &p.to, HOMA_MAX_MESSAGE_LENGTH), "the longest message");
	ok(echoed(&p.client, &p.server, &p.to, 1), "the shortest message");
	pair_close(&p);
}
