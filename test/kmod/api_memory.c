// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Tests of the memory for incoming messages: bpages come, are kept, are given back; part of `api`.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api.h"

static char data[HOMA_MAX_MESSAGE_LENGTH];

static uint64_t available(const struct endpoint *e)
{
	struct homa_info info = { 0 };

	return ioctl(e->fd, HOMAIOCINFO, &info) ? 0 : info.bpool_avail_bytes;
}

/* What is free when nothing is in use: a core may have leased a bpage. */
static bool all_back(const struct endpoint *e)
{
	uint64_t leased = sysconf(_SC_NPROCESSORS_CONF) * (uint64_t)HOMA_BPAGE_SIZE;

	return available(e) + leased >= e->length;
}

static void none(void)
{
	struct endpoint server = endpoint_must(AF_INET, API_PORT, 16);
	struct endpoint e = endpoint_must(AF_INET, 0, 0);
	union address to = address_of("127.0.0.1", API_PORT);
	struct message request = { 0 }, m = { 0 };

	fails_either(receive(&e, &m, 0, MSG_DONTWAIT), EINVAL, EAGAIN,
		     "recvmsg() without memory and with nothing there");
	m.args.num_bpages = 1;
	fails(receive(&e, &m, 0, MSG_DONTWAIT), EINVAL, "giving back what was never given");
	memset(&m, 0, sizeof(m));
	is(send_request(&e, &to, "hello", 5, NULL), 0, "sendmsg() needs no memory");
	is(receive(&server, &request, 0, 0), 5, "and its request arrives");
	is(send_echo(&server, &request), 0, "and is answered");
	fails_either(receive(&e, &m, 0, 0), ENOMEM, EINVAL, "but its response has no room");
	endpoint_close(&e);
	endpoint_close(&server);
}

static void kept(void)
{
	struct pair p = pair_open();
	struct message m[8] = { 0 };
	unsigned int i, j, k, l, overlaps = 0, wrong = 0;
	const size_t length = 200000;

	for (i = 0; i < 8; i++) {
		pattern_fill(data, length, i);
		send_request(&p.client, &p.to, data, length, NULL);
		if (receive(&p.server, &m[i], 0, 0) != (ssize_t)length)
			bail("request %u of those that are kept arrives", i);
	}
	for (i = 0; i < 8; i++) {
		wrong += message_wrong(&p.server, &m[i], i) != length;
		for (j = 0; j < i; j++)
			for (k = 0; k < 3; k++)
				for (l = 0; l < 3; l++)
					overlaps += m[i].args.bpage_offsets[k] ==
						    m[j].args.bpage_offsets[l];
	}
	is(wrong, 0, "messages that are not given back stay as they are");
	is(overlaps, 0, "and share no full bpage");
	ok(available(&p.server) <= p.server.length - 8 * 3 * HOMA_BPAGE_SIZE,
	   "and HOMAIOCINFO counts what they take");
	for (i = 0; i < 8; i++) {
		send_reply(&p.server, &m[i], "x", 1);
		receive(&p.server, &m[i], 0, MSG_DONTWAIT);
	}
	ok(all_back(&p.server), "all is free again when they are given back");
	pair_close(&p);
}

static void given_back_wrongly(void)
{
	struct pair p = pair_open();
	struct message m = { 0 }, copy;

	send_request(&p.client, &p.to, data, 200000, NULL);
	receive(&p.server, &m, 0, 0);
	send_reply(&p.server, &m, "x", 1);
	copy = m;
	copy.args.num_bpages = 1;
	copy.args.bpage_offsets[0] = p.server.length - HOMA_BPAGE_SIZE;
	fails(receive(&p.server, &copy, 0, MSG_DONTWAIT), EINVAL,
	      "a bpage that was never given is not taken back");
	copy = m;
	fails(receive(&p.server, &copy, 0, MSG_DONTWAIT), EAGAIN, "the right ones are");
	copy = m;
	fails(receive(&p.server, &copy, 0, MSG_DONTWAIT), EINVAL, "but not twice");
	copy = m;
	copy.args.num_bpages = 0;
	receive(&p.client, &copy, 0, 0);
	receive(&p.client, &copy, 0, MSG_DONTWAIT);
	ok(available(&p.server) <= p.server.length, "and no more is free than there is");
	ok(echoed(&p.client, &p.server, &p.to, 500000), "and messages arrive as before");
	ok(all_back(&p.server), "and everything comes back");
	pair_close(&p);
}

static unsigned int flags_of(const struct endpoint *e, uint64_t id)
{
	struct homa_rpc_info rpcs[32];
	struct homa_info info = { .rpc_info = (uintptr_t)rpcs, .rpc_info_length = sizeof(rpcs) };
	unsigned int i;

	memset(rpcs, 0, sizeof(rpcs));
	if (ioctl(e->fd, HOMAIOCINFO, &info))
		return 0;
	for (i = 0; i < info.num_rpcs && i < 32; i++)
		if (rpcs[i].id == id)
			return rpcs[i].flags;
	return 0;
}

/* Which of the six requests the server knows by @id. */
static unsigned int number_of(const struct homa_sendmsg_args *args, uint64_t id)
{
	unsigned int i;

	for (i = 0; i < 6 && (args[i].id ^ 1) != id; i++)
		;
	return i;
}

/* Messages for which there is no room wait until there is. */
static void full(void)
{
	struct endpoint server = endpoint_must(AF_INET, API_PORT, 4);
	struct endpoint client = endpoint_must(AF_INET, 0, 64);
	union address to = address_of("127.0.0.1", API_PORT);
	struct homa_sendmsg_args args[6] = { 0 };
	struct message m[6] = { 0 }, response = { 0 };
	const size_t length = 2 * HOMA_BPAGE_SIZE;
	unsigned int i, stalled = 0, wrong = 0;

	for (i = 0; i < 6; i++) {
		pattern_fill(data, length, 100 + i);
		args[i].completion_cookie = i;
		send_request(&client, &to, data, length, &args[i]);
	}
	is(receive(&server, &m[0], 0, 0), length, "memory for two of six messages: the first");
	is(receive(&server, &m[1], 0, 0), length, "and the second arrive");
	usleep(200000);
	fails(receive(&server, &m[2], 0, MSG_DONTWAIT), EAGAIN, "the third has no room yet");
	for (i = 0; i < 6; i++)
		stalled += !!(flags_of(&server, args[i].id ^ 1) & HOMA_RPC_BUF_STALL);
	ok(stalled >= 1, "HOMAIOCINFO says that one waits for bpages");
	fails(receive(&client, &response, 0, MSG_DONTWAIT), EAGAIN,
	      "the client has not lost patience");
	for (i = 0; i < 6; i++) {
		/* m[2] on: waits with the bpages of the second last given back */
		if (i >= 2) {
			m[i] = m[i - 2];
			if (receive(&server, &m[i], 0, 0) != (ssize_t)length)
				bail("message %u of six arrives when there is room", i);
		}
		wrong += message_wrong(&server, &m[i], 100 + number_of(args, m[i].args.id)) !=
			 length;
		if (send_reply(&server, &m[i], &i, sizeof(i)))
			bail("message %u of six is answered", i);
	}
	is(wrong, 0, "as bpages come back, all six arrive as they were sent");
	for (i = 0; i < 6; i++)
		if (receive(&client, &response, 0, 0) != sizeof(i))
			break;
	is(i, 6, "and all six are answered");
	endpoint_close(&client);
	endpoint_close(&server);
}

/* More than all there ever is. */
static void too_long(void)
{
	struct endpoint server = endpoint_must(AF_INET, API_PORT, 64);
	struct endpoint client = endpoint_must(AF_INET, 0, 2), big = endpoint_must(AF_INET, 0, 64);
	struct endpoint narrow = endpoint_must(AF_INET, API_PORT + 1, 2);
	union address to = address_of("127.0.0.1", API_PORT);
	union address to_narrow = address_of("127.0.0.1", API_PORT + 1);
	struct homa_sendmsg_args args = { .completion_cookie = 5 };
	struct message request = { 0 }, m = { 0 };
	struct pollfd in = { .fd = big.fd, .events = POLLIN };

	send_request(&client, &to, "hello", 5, &args);
	receive(&server, &request, 0, 0);
	is(send_reply(&server, &request, data, 500000), 0,
	   "a response that is longer than all the memory of its client");
	fails(receive(&client, &m, 0, 0), ENOMEM, "fails there for lack of it");
	ok(m.args.id == args.id && m.args.completion_cookie == 5, "and the client learns which");
	m.args.num_bpages = 0;
	receive(&server, &request, 0, MSG_DONTWAIT);
	ok(echoed(&client, &server, &to, 100), "shorter ones still arrive");

	args.id = 0;
	is(send_request(&big, &to_narrow, data, 500000, &args), 0,
	   "a request that is longer than all the memory of its server");
	if (ok(poll(&in, 1, 10000) == 1, "ends there, too")) {
		fails_either(receive(&big, &m, 0, 0), ENOMEM, ETIMEDOUT, "with an error");
		is(m.args.id, args.id, "and the client learns which");
	}
	ok(echoed(&big, &narrow, &to_narrow, 100), "and the server goes on");
	endpoint_close(&client);
	endpoint_close(&big);
	endpoint_close(&server);
	endpoint_close(&narrow);
}

static void unmapped(void)
{
	struct pair p = pair_open();
	struct message request = { 0 }, m = { 0 };
	void *again;

	munmap(p.client.memory, p.client.length);
	send_request(&p.client, &p.to, "hello", 5, NULL);
	receive(&p.server, &request, 0, 0);
	send_echo(&p.server, &request);
	receive(&p.server, &request, 0, MSG_DONTWAIT);
	fails(receive(&p.client, &m, 0, 0), EFAULT, "a response for which the memory is gone");
	m.args.num_bpages = 0;
	again = mmap(p.client.memory, p.client.length, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ok(again == p.client.memory && echoed(&p.client, &p.server, &p.to, 100),
	   "does not keep the next from arriving");
	pair_close(&p);
}

enum { GONE = 20 };	/* RPCs whose memory goes */

struct losses {
	struct endpoint *client;
	unsigned int failed, told;
};

static void take_losses(void *arg)
{
	struct losses *l = arg;
	struct pollfd in = { .fd = l->client->fd, .events = POLLIN };
	struct message m = { 0 };
	unsigned int i;

	for (i = 0; i < GONE && poll(&in, 1, 10000) == 1; i++) {
		l->failed += receive(l->client, &m, 0, 0) < 0 && errno == EFAULT;
		l->told += m.args.id && !m.args.num_bpages;
	}
}

/* Not unmapped, so that nothing else comes to be there. */
static void forbid(const struct endpoint *e)
{
	mprotect(e->memory, e->length, PROT_NONE);
}

static void permit(const struct endpoint *e)
{
	mprotect(e->memory, e->length, PROT_READ | PROT_WRITE);
}

/* Memory that goes while long messages are on their way into it. */
static void unmapped_meanwhile(void)
{
	struct pair p = pair_open();
	struct message requests[GONE] = { 0 }, m = { 0 };
	struct pollfd in = { .fd = p.client.fd, .events = POLLIN };
	struct losses losses = { .client = &p.client };
	struct later taker = { .call = take_losses, .arg = &losses };
	unsigned int i;

	for (i = 0; i < GONE; i++) {
		send_request(&p.client, &p.to, "hello", 5, NULL);
		receive(&p.server, &requests[i], 0, 0);
	}
	forbid(&p.client);
	later_start(&taker);
	for (i = 0; i < GONE; i++)
		send_reply(&p.server, &requests[i], data, sizeof(data));
	later_join(&taker);
	is(losses.failed, GONE, "responses for which the memory goes while they arrive fail");
	is(losses.told, GONE, "and the client learns which");
	for (i = 0; i < GONE; i++)
		receive(&p.server, &requests[i], 0, MSG_DONTWAIT);
	permit(&p.client);
	ok(echoed(&p.client, &p.server, &p.to, sizeof(data)),
	   "long ones arrive when there is memory again");

	forbid(&p.server);
	send_request(&p.client, &p.to, data, sizeof(data), NULL);
	fails(receive(&p.server, &m, 0, 0), EFAULT, "a request for which the memory is gone");
	ok(m.args.id & 1, "and the server learns which");
	/* The client sends it again as long as the server lives and does not know it. */
	for (i = 0; i < 1000 && !poll(&in, 1, 10); i++)
		receive(&p.server, &m, 0, MSG_DONTWAIT);
	fails(receive(&p.client, &m, 0, MSG_DONTWAIT), ETIMEDOUT, "ends at its client");
	m.args.num_bpages = 0;
	permit(&p.server);
	ok(echoed(&p.client, &p.server, &p.to, sizeof(data)), "and the next arrives");
	pair_close(&p);
}

void api_memory(void)
{
	none();
	kept();
	given_back_wrongly();
	full();
	too_long();
	unmapped();
	unmapped_meanwhile();
}
