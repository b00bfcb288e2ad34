// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Malformed and misleading packets at full speed: of every type, with every field right, wrong or
 * random, cut short, padded and in fragments, over IPv4 with forged senders, over IPv6, and over an
 * interface as frames. A server and a client work under that fire; what becomes of their RPCs does
 * not count, since packets that lie well enough are believed. Afterwards RPCs must work.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "../net/prng.h"
#include "number.h"
#include "rpc.h"
#include "tap.h"

#define PORT 4400
#define IDS_AHEAD 8	/* forged ones that are yet to be given to RPCs */
#define RPC_SECONDS 10	/* that an RPC may take, on a machine at its usual speed */

static const char usage[] =
	"Usage: fuzz-packets [OPTION ...]\n"
	"Sends malformed packets to a server on this host, or as frames through an interface.\n"
	"  --seconds N      how long (10)\n"
	"  --seed N         (from the clock)\n"
	"  --rpcs N         long ones that must work afterwards (1)\n"
	"  --interface IF   send frames through IF to --to instead; the server runs elsewhere\n"
	"  --mac MAC        of the host there (ff:ff:ff:ff:ff:ff)\n"
	"  --to ADDR        IPv4 address of the host there, or here (127.0.0.1)\n"
	"  --help           show this\n";

static struct prng prng;
static atomic_int running = 1;
static atomic_uint answered;
static _Atomic uint64_t live_id;	/* of a request that is under way */
static atomic_uint client_port;

static uint64_t below(uint64_t bound)
{
	return prng_below(&prng, bound);
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

static uint32_t odd_number(void)
{
	static const uint32_t numbers[] = {
		0, 1, 2, 1399, 1400, 1424, 10000, 40000, 65535, 65536, 999999, 1000000, 1000001,
		0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
	};

	if (one_in(3))
		return prng_next(&prng);
	return numbers[below(ARRAY_SIZE(numbers))];
}

static uint64_t any_id(void)
{
	uint64_t id = atomic_load(&live_id);

	switch (below(5)) {
	case 0:
		return prng_next(&prng);
	case 1:
		return below(64);
	case 2:
		/* about to be used */
		return id + 2 * below(IDS_AHEAD);
	default:
		return id ^ one_in(4);
	}
}

static unsigned int any_port(void)
{
	switch (below(8)) {
	case 0:
		return below(65536);
	case 1:
		return 0;
	case 2:
	case 3:
		return atomic_load(&client_port);
	default:
		return PORT;
	}
}

/* Fills @p, which has room for 2000 bytes, with a packet. Return: its length. */
static unsigned int make(uint8_t *p)
{
	static const uint8_t lengths[] = { 56, 33, 37, 28, 28, 62, 28, 28, 80 };
	unsigned int type = below(9), length = lengths[type], i;
	uint32_t total = one_in(3) ? odd_number() : 1 + below(20000);

	for (i = 0; i < 100; i++)
		p[i] = one_in(2) ? 0 : below(256);
	put_be(p, any_port(), 2);
	put_be(p + 2, any_port(), 2);
	put_be(p + 4, one_in(2) ? 0 : odd_number(), 4);
	p[11] = one_in(20) ? below(256) : 0x10 + type;
	p[12] = type ? 5 << 4 : (13 + one_in(2)) << 4;
	p[13] = one_in(8) ? 6 : 0;
	put_be(p + 18, one_in(8) ? 0xb97d : 0, 2);
	put_be(p + 20, any_id(), 8);
	switch (type) {
	case 0:
		put_be(p + 28, total, 4);
		put_be(p + 32, one_in(3) ? odd_number() : total, 4);
		put_be(p + 36, one_in(3) ? any_id() : 0, 8);
		put_be(p + 44, PORT, 2);
		put_be(p + 46, one_in(2) ? 1 : odd_number(), 2);
		p[48] = below(2);
		put_be(p + 52, one_in(3) ? odd_number() : below(total ? total : 1), 4);
		if (one_in(2))
			put_be(p + 52, 0, 4);
		length += one_in(10) ? 0 : below(1400);
		break;
	case 1:
		put_be(p + 28, odd_number(), 4);
		p[32] = one_in(4) ? below(256) : below(8);
		break;
	case 2:
		put_be(p + 28, odd_number(), 4);
		put_be(p + 32, odd_number(), 4);
		p[36] = one_in(4) ? below(256) : below(8);
		break;
	case 5:
		for (i = 0; i < 8; i++)
			put_be(p + 28 + 4 * i, odd_number(), 4);
		put_be(p + 60, odd_number(), 2);
		break;
	case 8:
		put_be(p + 28, one_in(4) ? odd_number() : below(7), 2);
		for (i = 0; i < 5; i++) {
			put_be(p + 30 + 10 * i, any_id(), 8);
			put_be(p + 38 + 10 * i, PORT, 2);
		}
		break;
	}
	if (one_in(10))
		length = below(length + 1);
	if (one_in(10))
		length += below(60);
	if (one_in(5) && length)
		p[below(length)] ^= 1 << below(8);
	return length;
}

/* An IPv4 header for @length bytes of packet. Return: its length. */
static unsigned int make_ip(uint8_t *p, unsigned int length, uint32_t to)
{
	struct iphdr *ip = (struct iphdr *)p;
	unsigned int header = one_in(50) ? 24 : 20, i;
	uint32_t sum = 0;

	memset(p, 1, header);	/* options, if any, do nothing */
	ip->version = 4;
	ip->ihl = header / 4;
	ip->tos = below(8) << 5;
	ip->tot_len = htons(header + length);
	ip->id = below(4);
	ip->frag_off = one_in(50) ? htons(below(0x10000) & 0x3fff) : 0;
	ip->ttl = 64;
	ip->protocol = IPPROTO_HOMA;
	ip->check = 0;
	ip->daddr = to;
	/* mostly the peer of the RPCs under way, and hosts near it */
	ip->saddr = one_in(4) ? htonl((ntohl(to) & 0xff000000) | below(0x1000000)) : to;
	if (one_in(4))
		ip->saddr = htonl((ntohl(to) & 0xffffff00) | (1 + below(8)));
	for (i = 0; i < header; i += 2)
		sum += p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = htons(~((sum & 0xffff) + (sum >> 16)));
	return header;
}

static void *serve(void *arg)
{
	const struct endpoint *e = arg;
	struct message m = { 0 };

	while (receive(e, &m, 0, 0) > 0 || errno != ESHUTDOWN)
		if (m.length > 0)
			send_echo(e, &m);
	return NULL;
}

/* One RPC after the other, waiting for none for long. */
static void *ask(void *arg)
{
	union address to = address_of("127.0.0.1", PORT);
	struct endpoint *e = arg;
	struct message m = { 0 };
	static char data[20000];
	unsigned int n;

	for (n = 0; atomic_load(&running); n++) {
		struct homa_sendmsg_args args = { .completion_cookie = n };
		unsigned int i;

		if (send_request(e, &to, data, n % 4 ? 100 : sizeof(data), &args)) {
			usleep(1000);
			continue;
		}
		atomic_store(&live_id, args.id);
		for (i = 0; i < 200; i++) {
			if (receive(e, &m, 0, MSG_DONTWAIT) > 0) {
				atomic_fetch_add(&answered, 1);
				break;
			}
			if (errno != EAGAIN)
				break;
			usleep(100);
		}
		if (i == 200) {
			struct homa_abort_args all = { 0 };

			ioctl(e->fd, HOMAIOCABORT, &all);
		}
	}
	receive(e, &m, 0, MSG_DONTWAIT);
	return NULL;
}

/* Fragments that never become a whole packet would be kept for half a minute. */
static void forget_fragments(void)
{
	static const char *const files[] = { "/proc/sys/net/ipv4/ipfrag_time",
					     "/proc/sys/net/ipv6/ip6frag_time" };
	int i;

	for (i = 0; i < 2; i++) {
		FILE *file = fopen(files[i], "w");

		if (file) {
			fputs("1\n", file);
			fclose(file);
		}
	}
}

/* Everything there is to know when an RPC does not end. */
static void explain(void)
{
	fflush(stdout);
	if (system("homa-sockets -nr 2>&1 | sed 's/^/# /'; "
		   "grep -Ev ' 0  ' /proc/net/homa_metrics | sed 's/^/# /'"))
		note("and no more is known");
}

/* Sends for @seconds; @frame: with an Ethernet header in front, to @link. */
static void fire(unsigned int seconds, const char *host, int frames,
		 const struct sockaddr_ll *link)
{
	union address to4 = address_of(host, 0), to6 = address_of("::1", 0);
	int raw4 = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	int raw6 = socket(AF_INET6, SOCK_RAW, IPPROTO_HOMA);
	uint64_t end = now_ns() + seconds * 1000000000ull, sent = 0, refused = 0;
	uint8_t packet[2100];

	if (raw4 < 0 || raw6 < 0)
		bail("a raw socket opens: %s", strerrorname_np(errno));
	while (now_ns() < end) {
		unsigned int burst;

		for (burst = 0; burst < 64; burst++) {
			uint8_t *body = packet + 64;
			unsigned int length = make(body), header;
			ssize_t result;

			if (frames < 0 && one_in(4)) {
				result = sendto(raw6, body, length, MSG_DONTWAIT, &to6.sa,
						sizeof(to6.in6));
			} else {
				uint8_t ip[24];

				header = make_ip(ip, length, to4.in4.sin_addr.s_addr);
				memcpy(body - header, ip, header);
				if (frames < 0)
					result = sendto(raw4, body - header, header + length,
							MSG_DONTWAIT, &to4.sa, sizeof(to4.in4));
				else
					result = sendto(frames, body - header, header + length,
							MSG_DONTWAIT,
							(const struct sockaddr *)link,
							sizeof(*link));
			}
			sent++;
			refused += result < 0;
		}
	}
	close(raw4);
	close(raw6);
	note("%llu packets, of which %llu could not be sent", (unsigned long long)sent,
	     (unsigned long long)refused);
	ok(sent > 2 * refused, "malformed packets were sent");
}

/*
 * An RPC that must end as @wanted, an errno or 0, says. If not, what there is to know is shown;
 * ETIME: it did not end. The client waits, not the server, who may never hear of it.
 */
static bool ends(const struct endpoint *client, const union address *to, size_t length, int wanted)
{
	struct homa_sendmsg_args args = { .completion_cookie = length };
	struct message m = { 0 };
	uint64_t end = now_ns() + patience(RPC_SECONDS) * 1000000000ull;
	char *data = malloc(length);
	int error = 0;

	pattern_fill(data, length, length);
	if (send_request(client, to, data, length, &args)) {
		error = errno;
	} else {
		while (receive(client, &m, 0, MSG_DONTWAIT) < 0 && errno == EAGAIN &&
		       now_ns() < end)
			usleep(1000);
		if (m.length < 0)
			error = errno == EAGAIN ? ETIME : errno;
		else if (m.args.id != args.id || m.length != (ssize_t)length ||
			 message_wrong(client, &m, length) != length)
			error = EBADMSG;
	}
	if (error != wanted) {
		note("RPC %llu of %zu bytes, %lld after the last one under fire: %s",
		     (unsigned long long)args.id, length,
		     (long long)(args.id - atomic_load(&live_id)), strerrorname_np(error));
		explain();
	}
	receive(client, &m, 0, MSG_DONTWAIT);
	free(data);
	return error == wanted;
}

/*
 * Under fire, requests were forged with ids that were to come, and some of them ran: the server
 * takes no other request for theirs. Let those ids pass.
 */
static void pass_forged_ids(const struct endpoint *client, const union address *to)
{
	struct homa_abort_args all = { 0 };
	unsigned int i;

	for (i = 0; i < IDS_AHEAD; i++)
		send_request(client, to, "1", 1, NULL);
	ioctl(client->fd, HOMAIOCABORT, &all);
}

/*
 * A whole request of one byte that claims to come from here, and when it has been answered, an ack.
 * Return: whether they were sent.
 */
static bool forge_request(uint64_t id)
{
	union address to = address_of("127.0.0.1", 0);
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_HOMA);
	uint8_t p[57] = { [11] = 0x10, [12] = 14 << 4 };
	bool sent;

	put_be(p, 33000, 2);
	put_be(p + 2, PORT, 2);
	put_be(p + 20, id, 8);
	put_be(p + 28, 1, 4);
	put_be(p + 32, 1, 4);
	sent = sendto(raw, p, 57, 0, &to.sa, sizeof(to.in4)) == 57;
	usleep(200000);
	p[11] = 0x18;
	put_be(p + 28, 0, 2);
	sent = sendto(raw, p, 30, 0, &to.sa, sizeof(to.in4)) == 30 && sent;
	close(raw);
	return sent;
}

/* The next request's id has been used by a forger: it may have run, so it must not run again. */
static void refused(const struct endpoint *client, const union address *to)
{
	struct homa_sendmsg_args args = { 0 };
	struct message m = { 0 };

	if (send_request(client, to, "1", 1, &args) || receive(client, &m, 0, 0) != 1)
		bail("an RPC works: %s", strerrorname_np(errno));
	ok(forge_request(args.id + 2), "a request is forged");
	ok(ends(client, to, HOMA_MAX_MESSAGE_LENGTH, ETIMEDOUT),
	   "the request whose id it had is refused, and its client is told");
	ok(ends(client, to, HOMA_MAX_MESSAGE_LENGTH, 0), "the one after it is not");
}

static void here(unsigned int seconds, unsigned int rpcs, const char *to)
{
	struct endpoint server = endpoint_must(AF_INET6, PORT, 64);
	struct endpoint client = endpoint_must(AF_INET, 0, 64);
	union address to4 = address_of("127.0.0.1", PORT), to6 = address_of("::1", PORT);
	pthread_t threads[2];
	unsigned int tries;
	bool right = false;

	atomic_store(&client_port, endpoint_port(&client));
	pthread_create(&threads[0], NULL, serve, &server);
	pthread_create(&threads[1], NULL, ask, &client);
	within(seconds + 100 + rpcs, "malformed packets are sent, and RPCs work after it");
	fire(seconds, to, -1, NULL);
	atomic_store(&running, 0);
	pthread_join(threads[1], NULL);
	note("%u RPCs were answered meanwhile", answered);
	ok(true, "the kernel survives them");
	endpoint_close(&client);

	/* The same server, once what it was told lies about has been given up. */
	client = endpoint_must(AF_INET6, 0, 64);
	pass_forged_ids(&client, &to6);
	for (tries = 0; tries < 20 && !right; tries++)
		right = ends(&client, &to6, 5, 0);
	ok(right, "the server that was under fire works after it");
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(threads[0], NULL);
	endpoint_close(&server);

	server = endpoint_must(AF_INET6, PORT, 64);
	pthread_create(&threads[0], NULL, serve, &server);
	ok(ends(&client, &to6, 100, 0), "a new one works over IPv6");
	ok(ends(&client, &to6, HOMA_MAX_MESSAGE_LENGTH, 0), "also for long messages");
	endpoint_close(&client);
	client = endpoint_must(AF_INET, 0, 64);
	ok(ends(&client, &to4, 100, 0), "and over IPv4");
	for (tries = 0, right = true; tries < rpcs && right; tries++)
		right = ends(&client, &to4, HOMA_MAX_MESSAGE_LENGTH, 0);
	ok(right, "also for long messages, too");
	refused(&client, &to4);
	endpoint_close(&client);
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(threads[0], NULL);
	endpoint_close(&server);
}

static void there(unsigned int seconds, const char *to, const char *interface, const char *mac)
{
	struct sockaddr_ll link = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };
	int frames = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	uint8_t *a = link.sll_addr;

	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", a, a + 1, a + 2, a + 3, a + 4, a + 5) !=
	    ETH_ALEN) {
		fprintf(stderr, "fuzz-packets: %s is no MAC address\n", mac);
		exit(2);
	}
	link.sll_ifindex = if_nametoindex(interface);
	link.sll_protocol = htons(ETH_P_IP);
	if (!link.sll_ifindex) {
		fprintf(stderr, "fuzz-packets: there is no interface %s\n", interface);
		exit(2);
	}
	if (frames < 0)
		bail("a packet socket opens: %s", strerrorname_np(errno));
	within(seconds + 30, "malformed packets are sent");
	fire(seconds, to, frames, &link);
	close(frames);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' },
		{ "rpcs", required_argument, NULL, 'n' },
		{ "interface", required_argument, NULL, 'i' },
		{ "mac", required_argument, NULL, 'm' },
		{ "to", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *interface = NULL, *mac = "ff:ff:ff:ff:ff:ff", *to = "127.0.0.1";
	unsigned int seconds = 10, rpcs = 1;
	int option;

	prng.state = time(NULL);
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			seconds = number(optarg, "--seconds", 1, 86400);
			break;
		case 'r':
			prng.state = number(optarg, "--seed", 0, ~0ul);
			break;
		case 'n':
			rpcs = number(optarg, "--rpcs", 0, 1000000);
			break;
		case 'i':
			interface = optarg;
			break;
		case 'm':
			mac = optarg;
			break;
		case 't':
			to = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	forget_fragments();
	note("seed %llu", (unsigned long long)prng.state);
	if (interface)
		there(seconds, to, interface, mac);
	else
		here(seconds, rpcs, to);
	return done();
}
