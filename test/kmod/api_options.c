// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of setsockopt() and getsockopt(); part of `api`.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api.h"

static int set_region(int fd, uint64_t start, uint64_t length)
{
	struct homa_rcvbuf_args args = { .start = start, .length = length };

	return setsockopt(fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, sizeof(args));
}

static void region(void)
{
	struct endpoint e = endpoint_must(AF_INET, 0, 0);
	size_t length = 4 * HOMA_BPAGE_SIZE;
	char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	uint64_t start = (uintptr_t)memory;
	struct homa_rcvbuf_args args = { .start = start, .length = length };
	socklen_t size = sizeof(args);

	memset(&args, 0xff, sizeof(args));
	is(getsockopt(e.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, &size), 0,
	   "SO_HOMA_RCVBUF can be read before it is set");
	ok(size == sizeof(args) && args.start == 0 && args.length == 0, "and there is none");

	fails(set_region(e.fd, start + 1, length), EINVAL, "the start must be on a page boundary");
	fails(set_region(e.fd, start + 2048, length), EINVAL, "half a page is no boundary either");
	fails(set_region(e.fd, start, 0), EINVAL, "no length is refused");
	fails(set_region(e.fd, start, HOMA_BPAGE_SIZE - 1), EINVAL, "less than a bpage is refused");
	fails_either(set_region(e.fd, 0xffff800000000000ull, length), EFAULT, EINVAL,
		     "an address of the kernel is refused");
	fails_either(set_region(e.fd, start, UINT64_MAX), EFAULT, EINVAL,
		     "a length beyond the address space is refused");
	/* The end wraps around to where it would seem harmless. */
	fails_either(set_region(e.fd, start, UINT64_MAX - start + 1 + length), EFAULT, EINVAL,
		     "a length that wraps around is refused");
	fails(setsockopt(e.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, (void *)8, sizeof(args)), EFAULT,
	      "a bad pointer to set");
	args = (struct homa_rcvbuf_args){ .start = start, .length = length };
	fails(setsockopt(e.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, sizeof(args) - 1), EINVAL,
	      "a short value");
	fails(setsockopt(e.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, 0), EINVAL, "an empty value");
	is(set_region(e.fd, start, length), 0, "SO_HOMA_RCVBUF can be set");

	memset(&args, 0, sizeof(args));
	size = sizeof(args);
	is(getsockopt(e.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, &size), 0, "and read");
	ok(size == sizeof(args) && args.start == start && args.length == length,
	   "and is what was set");
	size = sizeof(args) - 1;
	fails(getsockopt(e.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, &size), EINVAL,
	      "no room for the value");
	size = sizeof(args);
	fails(getsockopt(e.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, (void *)8, &size), EFAULT,
	      "a bad pointer to read to");
	fails(getsockopt(e.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, (void *)8), EFAULT,
	      "a bad pointer to the size");
	size = -1;
	fails(getsockopt(e.fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, &size), EINVAL,
	      "a negative size");
	endpoint_close(&e);
	munmap(memory, length);
}

static int get_server(int fd)
{
	int on = -1;
	socklen_t size = sizeof(on);

	if (getsockopt(fd, IPPROTO_HOMA, SO_HOMA_SERVER, &on, &size) || size != sizeof(on))
		return -1;
	return on;
}

static int set_server(int fd, int on)
{
	return setsockopt(fd, IPPROTO_HOMA, SO_HOMA_SERVER, &on, sizeof(on));
}

/* What a request of @client to @to ends with: 0 when @server gets it and the echo comes back. */
static int request_error(const struct endpoint *client, const struct endpoint *server,
			 const union address *to)
{
	struct message request = { 0 }, response = { 0 };
	int i;

	if (send_request(client, to, "hello", 5, NULL))
		return errno;
	for (i = 0; i < 5000; i++) {
		if (receive(server, &request, 0, MSG_DONTWAIT) == 5) {
			if (send_echo(server, &request))
				return errno;
			receive(server, &request, 0, MSG_DONTWAIT);
		}
		if (receive(client, &response, 0, MSG_DONTWAIT) == 5) {
			receive(client, &response, 0, MSG_DONTWAIT);
			return 0;
		}
		if (errno != EAGAIN)
			return errno;
		usleep(1000);
	}
	return ETIME;
}

static void server(void)
{
	struct endpoint client = endpoint_must(AF_INET, 0, 16);
	struct endpoint loose = endpoint_must(AF_INET, 0, 16);
	struct endpoint bound = endpoint_must(AF_INET, API_PORT, 16);
	union address to_loose = address_of("127.0.0.1", endpoint_port(&loose));
	union address to_bound = address_of("127.0.0.1", API_PORT);
	socklen_t size = sizeof(int);
	int on = 1;

	is(get_server(loose.fd), 0, "SO_HOMA_SERVER is off without bind()");
	is(get_server(bound.fd), 1, "and on after it");
	is(request_error(&client, &loose, &to_loose), ENOTCONN, "an unbound socket is no server");
	is(set_server(loose.fd, 1), 0, "SO_HOMA_SERVER can be switched on");
	is(get_server(loose.fd), 1, "and read");
	is(request_error(&client, &loose, &to_loose), 0, "and makes it one");
	is(set_server(loose.fd, 0), 0, "it can be switched off");
	is(get_server(loose.fd), 0, "and reads as off");
	is(request_error(&client, &loose, &to_loose), ENOTCONN, "then it is none any more");
	is(request_error(&client, &bound, &to_bound), 0, "a bound socket is a server");
	is(set_server(bound.fd, 0), 0, "for a bound socket it can be switched off, too");
	is(request_error(&client, &bound, &to_bound), ENOTCONN, "and refuses requests then");
	is(set_server(bound.fd, 7), 0, "any value but 0 is on");
	is(get_server(bound.fd), 1, "and reads as 1");
	is(request_error(&client, &bound, &to_bound), 0, "and it serves again");

	fails(setsockopt(loose.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &on, 1), EINVAL, "a short value");
	fails(setsockopt(loose.fd, IPPROTO_HOMA, SO_HOMA_SERVER, (void *)8, sizeof(on)), EFAULT,
	      "a bad pointer to set");
	fails(getsockopt(loose.fd, IPPROTO_HOMA, SO_HOMA_SERVER, (void *)8, &size), EFAULT,
	      "a bad pointer to read to");
	size = 1;
	fails(getsockopt(loose.fd, IPPROTO_HOMA, SO_HOMA_SERVER, &on, &size), EINVAL,
	      "no room for the value");
	endpoint_close(&client);
	endpoint_close(&loose);
	endpoint_close(&bound);
}

static void others(int family)
{
	struct endpoint e = endpoint_must(family, 0, 0);
	socklen_t size = sizeof(int);
	int value = 65536;

	fails_either(setsockopt(e.fd, IPPROTO_HOMA, 99, &value, sizeof(value)), ENOPROTOOPT, EINVAL,
		     "an unknown option cannot be set");
	fails_either(getsockopt(e.fd, IPPROTO_HOMA, 99, &value, &size), ENOPROTOOPT, EINVAL,
		     "an unknown option cannot be read");
	fails_either(setsockopt(e.fd, 147, SO_HOMA_SERVER, &value, sizeof(value)), ENOPROTOOPT,
		     EINVAL, "an unknown level cannot be set");
	fails_either(getsockopt(e.fd, 147, SO_HOMA_SERVER, &value, &size), ENOPROTOOPT, EOPNOTSUPP,
		     "an unknown level cannot be read");
	is(setsockopt(e.fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)), 0,
	   "general options can be set");
	size = sizeof(value);
	is(getsockopt(e.fd, SOL_SOCKET, SO_PROTOCOL, &value, &size), 0, "and read");
	is(value, IPPROTO_HOMA, "SO_PROTOCOL is that of Homa");
	endpoint_close(&e);
}

void api_options(void)
{
	region();
	server();
	others(AF_INET);
	others(AF_INET6);
}
