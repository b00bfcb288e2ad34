// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Homa sockets for the test programs; see rpc.h.
 */
#include "rpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

union address address_of(const char *text, unsigned int port)
{
	const char *link = strchr(text, '%');
	char plain[INET6_ADDRSTRLEN];
	union address a;

	memset(&a, 0, sizeof(a));
	if (link) {
		a.in6.sin6_scope_id = if_nametoindex(link + 1);
		snprintf(plain, sizeof(plain), "%.*s", (int)(link - text), text);
		if (!a.in6.sin6_scope_id)
			bail("%s is a link", link + 1);
		text = plain;
	}
	if (inet_pton(AF_INET, text, &a.in4.sin_addr) == 1) {
		a.in4.sin_family = AF_INET;
		a.in4.sin_port = htons(port);
	} else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
	} else {
		bail("%s is an address", text);
	}
	return a;
}

socklen_t address_length(const union address *address)
{
	return address->sa.sa_family == AF_INET ? sizeof(address->in4) : sizeof(address->in6);
}

unsigned int address_port(const union address *address)
{
	return ntohs(address->sa.sa_family == AF_INET ? address->in4.sin_port :
							address->in6.sin6_port);
}

int endpoint_open(struct endpoint *e, int family, unsigned int port, unsigned int bpages)
{
	union address a = address_of(family == AF_INET ? "0.0.0.0" : "::", port);
	struct homa_rcvbuf_args region;
	int error;

	memset(e, 0, sizeof(*e));
	e->family = family;
	e->fd = socket(family, SOCK_DGRAM, IPPROTO_HOMA);
	if (e->fd < 0)
		return -1;
	if (port && bind(e->fd, &a.sa, address_length(&a)))
		goto fail;
	if (!bpages)
		return 0;
	e->length = (size_t)bpages * HOMA_BPAGE_SIZE;
	e->memory = mmap(NULL, e->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	if (e->memory == MAP_FAILED) {
		e->memory = NULL;
		goto fail;
	}
	region.start = (uintptr_t)e->memory;
	region.length = e->length;
	if (!setsockopt(e->fd, IPPROTO_HOMA, SO_HOMA_RCVBUF, &region, sizeof(region)))
		return 0;
fail:
	error = errno;
	endpoint_close(e);
	errno = error;
	return -1;
}

struct endpoint endpoint_must(int family, unsigned int port, unsigned int bpages)
{
	struct endpoint e;

	if (endpoint_open(&e, family, port, bpages))
		bail("a Homa socket of family %d on port %u opens: %s", family, port,
		     strerrorname_np(errno));
	return e;
}

void endpoint_close(struct endpoint *e)
{
	if (e->fd >= 0)
		close(e->fd);
	if (e->memory)
		munmap(e->memory, e->length);
	e->fd = -1;
	e->memory = NULL;
}

unsigned int endpoint_port(const struct endpoint *e)
{
	union address a;
	socklen_t length = sizeof(a);

	memset(&a, 0, sizeof(a));
	if (getsockname(e->fd, &a.sa, &length))
		return 0;
	return address_port(&a);
}

int send_request(const struct endpoint *e, const union address *to, const void *data,
		 size_t length, struct homa_sendmsg_args *args)
{
	struct iovec piece = { .iov_base = (void *)data, .iov_len = length };
	struct homa_sendmsg_args mine = { 0 };
	struct msghdr msg = {
		.msg_name = (void *)to,
		.msg_namelen = address_length(to),
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = args ? args : &mine,
	};

	return sendmsg(e->fd, &msg, 0);
}

static int send_pieces(const struct endpoint *e, struct message *m, struct iovec *pieces,
		       size_t count)
{
	struct homa_sendmsg_args args = { .id = m->args.id };
	struct msghdr msg = {
		.msg_name = &m->from,
		.msg_namelen = m->from_length,
		.msg_iov = pieces,
		.msg_iovlen = count,
		.msg_control = &args,
	};

	return sendmsg(e->fd, &msg, 0);
}

int send_reply(const struct endpoint *e, struct message *m, const void *data, size_t length)
{
	struct iovec piece = { .iov_base = (void *)data, .iov_len = length };

	return send_pieces(e, m, &piece, 1);
}

/* Bytes of the message in its bpage @i. */
static size_t piece_length(const struct message *m, unsigned int i)
{
	size_t left = m->length - (size_t)i * HOMA_BPAGE_SIZE;

	return left < HOMA_BPAGE_SIZE ? left : HOMA_BPAGE_SIZE;
}

int send_echo(const struct endpoint *e, struct message *m)
{
	struct iovec pieces[HOMA_MAX_BPAGES];
	unsigned int i;

	for (i = 0; i < m->args.num_bpages; i++) {
		pieces[i].iov_base = e->memory + m->args.bpage_offsets[i];
		pieces[i].iov_len = piece_length(m, i);
	}
	return send_pieces(e, m, pieces, i);
}

/* The module must not name memory that is not there: the programs would read it. */
static bool sane(const struct endpoint *e, const struct message *m)
{
	size_t wanted = ((size_t)m->length + HOMA_BPAGE_SIZE - 1) / HOMA_BPAGE_SIZE;
	unsigned int i;

	if (m->length < 1 || m->length > HOMA_MAX_MESSAGE_LENGTH || m->args.num_bpages != wanted)
		return false;
	for (i = 0; i < wanted; i++) {
		size_t at = m->args.bpage_offsets[i], length = piece_length(m, i);

		if (at + length > e->length || at % HOMA_BPAGE_SIZE + length > HOMA_BPAGE_SIZE)
			return false;
	}
	return true;
}

ssize_t receive(const struct endpoint *e, struct message *m, uint64_t id, int flags)
{
	struct msghdr msg = {
		.msg_name = &m->from,
		.msg_namelen = sizeof(m->from),
		.msg_control = &m->args,
		.msg_controllen = sizeof(m->args),
	};

	m->args.id = id;
	m->length = recvmsg(e->fd, &msg, flags);
	m->from_length = msg.msg_namelen;
	if (m->length >= 0 && !sane(e, m)) {
		m->args.num_bpages = 0;
		m->length = -1;
		errno = ERANGE;
	}
	return m->length;
}

void message_copy(const struct endpoint *e, const struct message *m, void *data)
{
	unsigned int i;

	for (i = 0; i < m->args.num_bpages; i++)
		memcpy((char *)data + (size_t)i * HOMA_BPAGE_SIZE,
		       e->memory + m->args.bpage_offsets[i], piece_length(m, i));
}

/* Eight bytes of the pattern; no two places near each other have the same. */
static uint64_t pattern_word(uint64_t key, size_t word)
{
	return (key * 0x2545f4914f6cdd1dull + word + 1) * 0x9e3779b97f4a7c15ull;
}

void pattern_fill(void *data, size_t length, uint64_t key)
{
	char *to = data;
	size_t word;

	for (word = 0; word * 8 < length; word++) {
		uint64_t value = pattern_word(key, word);
		size_t left = length - word * 8;

		memcpy(to + word * 8, &value, left < 8 ? left : 8);
	}
}

size_t pattern_wrong(const void *data, size_t length, size_t offset, uint64_t key)
{
	const char *from = data;
	size_t at;

	for (at = 0; at < length; at += 8) {
		uint64_t value = pattern_word(key, (offset + at) / 8);
		size_t n = length - at < 8 ? length - at : 8, i;

		if (!memcmp(from + at, &value, n))
			continue;
		for (i = 0; from[at + i] == ((char *)&value)[i]; i++)
			;
		return at + i;
	}
	return length;
}

size_t message_wrong(const struct endpoint *e, const struct message *m, uint64_t key)
{
	unsigned int i;

	for (i = 0; i < m->args.num_bpages; i++) {
		size_t offset = (size_t)i * HOMA_BPAGE_SIZE, length = piece_length(m, i);
		size_t wrong = pattern_wrong(e->memory + m->args.bpage_offsets[i], length, offset,
					     key);

		if (wrong < length)
			return offset + wrong;
	}
	return m->length;
}

bool echoed(const struct endpoint *client, const struct endpoint *server,
	    const union address *to, size_t length)
{
	struct message request = { 0 }, response = { 0 };
	struct homa_sendmsg_args args = { .completion_cookie = 0xc00c1e };
	void *data = malloc(length);
	bool right = false;

	pattern_fill(data, length, length);
	if (send_request(client, to, data, length, &args))
		goto out;
	if (receive(server, &request, 0, 0) != (ssize_t)length ||
	    message_wrong(server, &request, length) != length || send_echo(server, &request))
		goto out;
	/* Without a client's answer to wait for, the bpages can go back now. */
	receive(server, &request, 0, MSG_DONTWAIT);
	right = receive(client, &response, 0, 0) == (ssize_t)length &&
		message_wrong(client, &response, length) == length &&
		response.args.id == args.id && response.args.completion_cookie == 0xc00c1e;
	receive(client, &response, 0, MSG_DONTWAIT);
out:
	free(data);
	return right;
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void put_be(uint8_t *at, uint64_t value, unsigned int bytes)
{
	while (bytes--) {
		at[bytes] = value;
		value >>= 8;
	}
}
