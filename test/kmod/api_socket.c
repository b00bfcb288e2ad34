// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of socket(), bind() and getsockname(); part of `api`.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "api.h"

static int open_and_close(int family, int type)
{
	int fd = socket(family, type, IPPROTO_HOMA), error = errno;

	if (fd < 0) {
		errno = error;
		return -1;
	}
	close(fd);
	return 0;
}

static void kinds(void)
{
	int fd;

	is(open_and_close(AF_INET, SOCK_DGRAM), 0, "socket() of AF_INET");
	is(open_and_close(AF_INET6, SOCK_DGRAM), 0, "socket() of AF_INET6");
	fails_either(open_and_close(AF_INET, SOCK_STREAM), EPROTONOSUPPORT, ESOCKTNOSUPPORT,
		     "SOCK_STREAM is refused");
	fails_either(open_and_close(AF_INET6, SOCK_STREAM), EPROTONOSUPPORT, ESOCKTNOSUPPORT,
		     "SOCK_STREAM is refused with AF_INET6");
	fails_either(open_and_close(AF_INET, SOCK_SEQPACKET), EPROTONOSUPPORT, ESOCKTNOSUPPORT,
		     "SOCK_SEQPACKET is refused");

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_HOMA);
	ok(fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) & FD_CLOEXEC,
	   "SOCK_NONBLOCK and SOCK_CLOEXEC are kept");
	close(fd);
}

static int bind_to(const struct endpoint *e, const char *text, unsigned int port)
{
	union address a = address_of(text, port);

	return bind(e->fd, &a.sa, address_length(&a));
}

static void ports(int family, const char *any)
{
	struct endpoint a = endpoint_must(family, 0, 0), b = endpoint_must(family, 0, 0);

	ok(endpoint_port(&a) >= HOMA_MIN_DEFAULT_PORT, "%s: a port is given without bind()", any);
	ok(endpoint_port(&a) != endpoint_port(&b), "%s: each socket gets its own", any);
	is(bind_to(&a, any, 0), 0, "%s: bind() of port 0", any);
	ok(endpoint_port(&a) >= HOMA_MIN_DEFAULT_PORT, "%s: leaves the port as it was", any);
	fails(bind_to(&a, any, HOMA_MIN_DEFAULT_PORT), EINVAL, "%s: bind() of port 32768", any);
	fails(bind_to(&a, any, 65535), EINVAL, "%s: bind() of port 65535", any);
	is(bind_to(&a, any, 1), 0, "%s: bind() of port 1", any);
	is(endpoint_port(&a), 1, "%s: getsockname() tells it", any);
	fails(bind_to(&b, any, 1), EADDRINUSE, "%s: a port that is in use is refused", any);
	is(bind_to(&b, any, 32767), 0, "%s: bind() of port 32767", any);
	is(endpoint_port(&b), 32767, "%s: getsockname() tells that", any);
	endpoint_close(&a);
	endpoint_close(&b);

	a = endpoint_must(family, 0, 0);
	is(bind_to(&a, any, 1), 0, "%s: a port is free once its socket is closed", any);
	/* The public implementation allows it; whichever way, the answer must be the truth. */
	if (bind_to(&a, any, 2))
		is(endpoint_port(&a), 1, "%s: a refused second bind() changes nothing", any);
	else
		is(endpoint_port(&a), 2, "%s: a second bind() moves the socket", any);
	endpoint_close(&a);
}

static void names(void)
{
	union address v4 = address_of("0.0.0.0", API_PORT), v6 = address_of("::", API_PORT);
	struct endpoint a = endpoint_must(AF_INET, 0, 0), b = endpoint_must(AF_INET6, 0, 0);
	union address name;
	socklen_t length;

	fails_either(bind(a.fd, &v6.sa, sizeof(v6.in6)), EAFNOSUPPORT, EINVAL,
		     "AF_INET refuses to bind an IPv6 address");
	fails(bind(b.fd, &v4.sa, sizeof(v4.in4)), EAFNOSUPPORT,
	      "AF_INET6 refuses to bind an IPv4 address");
	fails(bind(a.fd, &v4.sa, sizeof(v4.in4) - 1), EINVAL, "bind() of a short IPv4 address");
	fails(bind(b.fd, &v6.sa, sizeof(v6.in6) - 5), EINVAL, "bind() of a short IPv6 address");
	fails(bind(a.fd, &v4.sa, 0), EINVAL, "bind() of no address");
	fails(bind(a.fd, (void *)8, sizeof(v4.in4)), EFAULT, "bind() of a bad pointer");
	is(bind_to(&a, "127.0.0.1", API_PORT), 0, "bind() of a local IPv4 address");
	is(bind_to(&b, "::1", API_PORT + 1), 0, "bind() of a local IPv6 address");

	length = sizeof(name);
	is(getsockname(a.fd, &name.sa, &length), 0, "getsockname() of AF_INET");
	ok(length == sizeof(name.in4) && name.sa.sa_family == AF_INET,
	   "returns a whole sockaddr_in");
	length = sizeof(name);
	is(getsockname(b.fd, &name.sa, &length), 0, "getsockname() of AF_INET6");
	ok(length == sizeof(name.in6) && name.sa.sa_family == AF_INET6,
	   "returns a whole sockaddr_in6");
	length = sizeof(name);
	fails(getsockname(a.fd, (void *)8, &length), EFAULT, "getsockname() to a bad pointer");
	endpoint_close(&a);
	endpoint_close(&b);
}

static void every_port(void)
{
	int fds[512], i, opened = 0;

	for (i = 0; i < 512; i++) {
		struct endpoint e;

		if (endpoint_open(&e, i & 1 ? AF_INET : AF_INET6, i & 2 ? 1000 + i : 0, 0))
			break;
		fds[opened++] = e.fd;
	}
	is(opened, 512, "512 sockets, half of them bound, open at once");
	while (opened)
		close(fds[--opened]);
}

void api_socket(void)
{
	kinds();
	ports(AF_INET, "0.0.0.0");
	ports(AF_INET6, "::");
	names();
	every_port();
}
