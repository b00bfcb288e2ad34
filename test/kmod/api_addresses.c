// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of IPv4, IPv6 and IPv4-mapped IPv6 addresses; part of `api`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "api.h"

/* The address the server sees, from a client of @family that sends to @text. */
static void across(int client_family, int server_family, const char *text, const char *seen)
{
	struct endpoint client = endpoint_must(client_family, 0, 32);
	struct endpoint server = endpoint_must(server_family, API_PORT, 32);
	union address to = address_of(text, API_PORT), from = address_of(seen, 0);
	const char *kind = client_family == server_family ? "the same family" : "another family";
	struct message request = { 0 }, response = { 0 };

	is(send_request(&client, &to, "hello", 5, NULL), 0, "a request to %s of %s", text, kind);
	is(receive(&server, &request, 0, 0), 5, "arrives");
	is(request.from_length, address_length(&from), "with an address of the socket's family");
	if (server_family == AF_INET)
		from.in4.sin_port = htons(endpoint_port(&client));
	else
		from.in6.sin6_port = htons(endpoint_port(&client));
	is(memcmp(&request.from, &from, address_length(&from)), 0, "which is %s", seen);
	is(send_echo(&server, &request), 0, "and takes the reply");
	is(receive(&client, &response, 0, 0), 5, "which arrives");
	is(memcmp(&response.from, &to, address_length(&to)), 0, "from where the request went");
	receive(&server, &request, 0, MSG_DONTWAIT);
	receive(&client, &response, 0, MSG_DONTWAIT);
	ok(echoed(&client, &server, &to, 200000), "and so does a long message");
	endpoint_close(&client);
	endpoint_close(&server);
}

static void to_many(void)
{
	struct endpoint e = endpoint_must(AF_INET, 0, 16);
	union address all = address_of("127.255.255.255", API_PORT);

	fails(send_request(&e, &all, "hello", 5, NULL), ENETUNREACH, "a broadcast address");
	endpoint_close(&e);
}

static void refused(int family, const char *text)
{
	struct endpoint client = endpoint_must(family, 0, 16);
	union address to = address_of(text, UNSERVED_PORT);
	struct homa_sendmsg_args args = { .completion_cookie = 3 };
	struct message m = { 0 };

	is(send_request(&client, &to, "hello", 5, &args), 0, "a request to nobody at %s", text);
	fails(receive(&client, &m, 0, 0), ENOTCONN, "is refused");
	ok(m.args.id == args.id && m.args.completion_cookie == 3, "and the client learns which");
	endpoint_close(&client);
}

/* A server of IPv4 only has no way to name a client of IPv6. */
static void not_for_ipv4(void)
{
	struct endpoint client = endpoint_must(AF_INET6, 0, 16);
	struct endpoint server = endpoint_must(AF_INET, API_PORT, 16);
	struct pollfd in = { .fd = client.fd, .events = POLLIN };
	union address to = address_of("::1", API_PORT);
	struct message m = { 0 };

	send_request(&client, &to, "hello", 5, NULL);
	poll(&in, 1, 5000);
	fails(receive(&client, &m, 0, MSG_DONTWAIT), ENOTCONN,
	      "a server of AF_INET refuses IPv6 requests");
	memset(&m, 0, sizeof(m));
	fails(receive(&server, &m, 0, MSG_DONTWAIT), EAGAIN, "and never sees them");
	endpoint_close(&client);
	endpoint_close(&server);
}

void api_addresses(void)
{
	across(AF_INET, AF_INET, "127.0.0.1", "127.0.0.1");
	across(AF_INET6, AF_INET6, "::1", "::1");
	across(AF_INET, AF_INET6, "127.0.0.1", "::ffff:127.0.0.1");
	across(AF_INET6, AF_INET6, "::ffff:127.0.0.1", "::ffff:127.0.0.1");
	across(AF_INET6, AF_INET, "::ffff:127.0.0.1", "127.0.0.1");
	refused(AF_INET, "127.0.0.1");
	to_many();
	refused(AF_INET6, "::1");
	refused(AF_INET6, "::ffff:127.0.0.1");
	not_for_ipv4();
}
