// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of recvmsg(); part of `api`. Those of its memory are in api_memory.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api.h"

/* recvmsg() with every part of the call in sight. */
struct call {
	struct homa_recvmsg_args args;
	union address from;
	struct msghdr msg;
};

static struct call *call(void)
{
	static struct call c;

	memset(&c, 0, sizeof(c));
	c.msg.msg_name = &c.from;
	c.msg.msg_namelen = sizeof(c.from);
	c.msg.msg_control = &c.args;
	c.msg.msg_controllen = sizeof(c.args);
	return &c;
}

static void bad_arguments(const struct pair *p)
{
	int fd = p->server.fd;
	struct call *c;
	char byte;

	c = call();
	c->msg.msg_controllen = sizeof(c->args) - 8;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, "msg_controllen is too short");
	c = call();
	c->msg.msg_controllen = sizeof(c->args) + 8;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, "msg_controllen is too long");
	c = call();
	c->msg.msg_controllen = 0;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, "msg_controllen is 0");
	c = call();
	c->msg.msg_control = (void *)8;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EFAULT, "arguments at a bad pointer");
	c = call();
	c->msg.msg_control = NULL;
	fails_either(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, EFAULT, "no arguments");
	fails_either(recv(fd, &byte, 1, MSG_DONTWAIT), EINVAL, EFAULT, "recv() cannot give any");
	fails_either(read(fd, &byte, 1), EINVAL, EFAULT, "nor can read()");
	c = call();
	c->args.reserved = 1;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, "the reserved field must be 0");
	c = call();
	c->args.num_bpages = HOMA_MAX_BPAGES + 1;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, "more bpages than there is room for");
	c = call();
	c->args.num_bpages = 0xffffffff;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, "by far too many bpages");
	c = call();
	c->args.num_bpages = 1;
	c->args.bpage_offsets[0] = p->server.length;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, "a bpage just behind the memory");
	c = call();
	c->args.num_bpages = 2;
	c->args.bpage_offsets[1] = 0xffffffff;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, "a bpage far behind the memory");
	c = call();
	c->args.id = 99998;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, "an RPC that does not exist");
	c = call();
	c->args.id = 99999;
	fails(recvmsg(fd, &c->msg, MSG_DONTWAIT), EINVAL, "an id of a server");
}

static void nonblocking(const struct pair *p)
{
	struct message m = { 0 };

	fails(receive(&p->client, &m, 0, MSG_DONTWAIT), EAGAIN, "MSG_DONTWAIT with nothing there");
	is(m.args.id, 0, "sets the id to 0");
	is(m.args.num_bpages, 0, "and names no bpages");
	fcntl(p->client.fd, F_SETFL, fcntl(p->client.fd, F_GETFL) | O_NONBLOCK);
	fails(receive(&p->client, &m, 0, 0), EAGAIN, "O_NONBLOCK with nothing there");
	fcntl(p->client.fd, F_SETFL, fcntl(p->client.fd, F_GETFL) & ~O_NONBLOCK);
	ok(echoed(&p->client, &p->server, &p->to, 100), "an RPC after it");
}

static void private(const struct pair *p)
{
	struct homa_sendmsg_args a = { .flags = HOMA_SENDMSG_PRIVATE, .completion_cookie = 11 };
	struct homa_sendmsg_args b = { .flags = HOMA_SENDMSG_PRIVATE, .completion_cookie = 22 };
	struct homa_sendmsg_args shared = { .completion_cookie = 33 };
	struct message request = { 0 }, m = { 0 };
	int i;

	send_request(&p->client, &p->to, "a", 1, &a);
	send_request(&p->client, &p->to, "bb", 2, &b);
	send_request(&p->client, &p->to, "ccc", 3, &shared);
	fails(receive(&p->client, &m, a.id, MSG_DONTWAIT), EAGAIN,
	      "a private response that is not there yet");
	fails(receive(&p->client, &m, shared.id, MSG_DONTWAIT), EINVAL,
	      "a shared RPC cannot be asked for by its id");
	fails(receive(&p->server, &m, a.id, MSG_DONTWAIT), EINVAL,
	      "nor can the private RPC of another socket");
	for (i = 0; i < 3; i++) {
		receive(&p->server, &request, 0, 0);
		if (send_echo(&p->server, &request))
			bail("a private request is answered");
	}
	receive(&p->server, &request, 0, MSG_DONTWAIT);

	is(receive(&p->client, &m, b.id, 0), 2, "the second private response");
	ok(m.args.id == b.id && m.args.completion_cookie == 22, "has its id and cookie");
	is(address_port(&m.from), API_PORT, "and its address");
	fails(receive(&p->client, &m, b.id, MSG_DONTWAIT), EINVAL,
	      "a response cannot be had twice");
	is(receive(&p->client, &m, 0, 0), 3, "the shared response");
	is(m.args.completion_cookie, 33, "has its cookie");
	usleep(20000);
	fails(receive(&p->client, &m, 0, MSG_DONTWAIT), EAGAIN,
	      "a private response is not given to one who asks for any");
	is(receive(&p->client, &m, a.id, MSG_DONTWAIT), 1, "the first private response");
	ok(m.args.id == a.id && m.args.completion_cookie == 11, "has its id and cookie");
	receive(&p->client, &m, 0, MSG_DONTWAIT);
}

static void refused(const struct pair *p, unsigned int flags)
{
	struct homa_sendmsg_args args = { .flags = flags, .completion_cookie = 0xfeed };
	union address to = address_of("127.0.0.1", UNSERVED_PORT);
	const char *kind = flags ? "private" : "shared";
	struct message m = { 0 };

	is(send_request(&p->client, &to, "hello", 5, &args), 0, "a %s request to nobody", kind);
	fails(receive(&p->client, &m, flags ? args.id : 0, 0), ENOTCONN, "fails");
	is(m.args.id, args.id, "and recvmsg() tells which");
	is(m.args.completion_cookie, 0xfeed, "and its cookie");
	is(m.args.num_bpages, 0, "and names no bpages");
	fails(receive(&p->client, &m, 0, MSG_DONTWAIT), EAGAIN, "once");
}

static void unreachable(void)
{
	struct endpoint e = endpoint_must(AF_INET, 0, 16);
	union address to = address_of("203.0.113.1", API_PORT);
	struct message m = { 0 };
	long result = send_request(&e, &to, "hello", 5, NULL);

	if (!result)
		result = receive(&e, &m, 0, 0);
	fails_either(result, EHOSTUNREACH, ENETUNREACH, "a host to which there is no way");
	endpoint_close(&e);
}

static void address_room(const struct pair *p)
{
	struct message request = { 0 };
	struct call *c = call();

	send_request(&p->client, &p->to, "hello", 5, NULL);
	receive(&p->server, &request, 0, 0);
	is(request.from_length, sizeof(request.from.in4), "msg_namelen is that of sockaddr_in");
	ok(request.from.in4.sin_family == AF_INET &&
	   request.from.in4.sin_addr.s_addr == htonl(INADDR_LOOPBACK),
	   "msg_name is the client's address");
	is(send_echo(&p->server, &request), 0, "which takes the reply");
	receive(&p->server, &request, 0, MSG_DONTWAIT);

	c->msg.msg_name = NULL;
	c->msg.msg_namelen = 0;
	is(recvmsg(p->client.fd, &c->msg, 0), 5, "recvmsg() without msg_name");
	fails(recvmsg(p->client.fd, &call()->msg, MSG_DONTWAIT), EAGAIN, "and nothing after it");
}

void api_receive(void)
{
	struct pair p = pair_open();

	bad_arguments(&p);
	nonblocking(&p);
	private(&p);
	refused(&p, 0);
	refused(&p, HOMA_SENDMSG_PRIVATE);
	unreachable();
	address_room(&p);
	pair_close(&p);
}
