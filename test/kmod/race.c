// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Two packets of a new request come at the same instant on two cores: both find no RPC and make
 * one, and one of them comes too late. Its bytes must count as well: the grant that follows from
 * both must be sent, and the message arrives as it was. The client is this program, with raw
 * sockets; grants are small, so that what a lost packet's worth changes is seen.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "number.h"
#include "rpc.h"
#include "tap.h"

#define PORT 4410
#define CLIENT_PORT 33000
#define LENGTH 10000
#define PIECE 1400		/* in each of the first two packets */
#define WINDOW 5000
#define HEADER 56

static const char usage[] =
	"Usage: race [OPTION ...]\n"
	"Sends the first two packets of requests from two cores at once. Needs two processors.\n"
	"  --races N    until so many of them met (20)\n"
	"  --tries N    requests at most (20000)\n"
	"  --seconds N  time at most (60)\n"
	"  --help       show this\n";

static union address server_address;
static char data[LENGTH];
static _Atomic uint64_t next_id;	/* of the request whose packets are to go; 0: the end */
static _Atomic uint64_t ready, gone;	/* second() is ready for it; first packet's core says go */
static atomic_uint arrived, wrong;

static uint64_t get(const uint8_t *at, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | *at++;
	return value;
}

static int raw_socket(void)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_HOMA);

	if (fd < 0)
		bail("a raw socket opens: %s", strerrorname_np(errno));
	return fd;
}

/* Bytes [@offset, @offset + @bytes) of request @id; what comes unasked are the first two pieces. */
static void make(uint8_t *p, uint64_t id, unsigned int offset, unsigned int bytes)
{
	memset(p, 0, HEADER);
	put_be(p, CLIENT_PORT, 2);
	put_be(p + 2, PORT, 2);
	p[11] = 0x10;
	p[12] = 14 << 4;
	put_be(p + 20, id, 8);
	put_be(p + 28, LENGTH, 4);
	put_be(p + 32, 2 * PIECE, 4);
	put_be(p + 52, offset, 4);
	memcpy(p + HEADER, data + offset, bytes);
}

static void fire(int fd, const uint8_t *p, unsigned int bytes)
{
	size_t length = HEADER + bytes;

	if (sendto(fd, p, length, 0, &server_address.sa, sizeof(server_address.in4)) !=
	    (ssize_t)length)
		bail("a packet is sent: %s", strerrorname_np(errno));
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bail("there are two processors: %s", strerrorname_np(errno));
}

/* The packets of the second core. */
static void *second(void *arg)
{
	uint8_t packet[HEADER + PIECE];
	int fd = raw_socket(), none = 0;
	uint64_t id;

	(void)arg;
	pin(1);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &none, sizeof(none));
	while ((id = atomic_load(&next_id))) {
		if (id == atomic_load(&ready)) {
			sched_yield();
			continue;
		}
		make(packet, id, PIECE, PIECE);
		atomic_store(&ready, id);
		while (atomic_load(&gone) != id)
			;
		fire(fd, packet, PIECE);
	}
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	const struct endpoint *e = arg;
	struct message m = { 0 };

	while (receive(e, &m, 0, 0) > 0 || errno != ESHUTDOWN) {
		if (m.length < 0)
			continue;
		if (m.length != LENGTH || message_wrong(e, &m, LENGTH) != LENGTH)
			atomic_fetch_add(&wrong, 1);
		send_reply(e, &m, "1", 1);
		atomic_fetch_add(&arrived, 1);
	}
	return NULL;
}

/* Read what the server sends until it has granted @wanted of @id. Return: what it granted. */
static unsigned int granted(int fd, uint64_t id, unsigned int wanted)
{
	uint64_t end = now_ns() + patience(2) * 1000000000ull;
	unsigned int most = 0;
	uint8_t p[2000];

	while (most < wanted && now_ns() < end) {
		ssize_t length = recv(fd, p, sizeof(p), MSG_DONTWAIT);

		if (length >= 20 + 33 && p[20 + 11] == 0x11 && get(p + 20 + 20, 8) == (id | 1)) {
			unsigned int offset = get(p + 20 + 28, 4);

			most = offset > most ? offset : most;
		}
	}
	return most;
}

static void set(const char *name, unsigned int value)
{
	char path[80];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/homa/%s", name);
	file = fopen(path, "w");
	if (!file || fprintf(file, "%u\n", value) < 0 || fclose(file))
		bail("%s can be set: %s", name, strerrorname_np(errno));
}

/* How often two cores met, by the module's own count. */
static unsigned int races(void)
{
	FILE *file = fopen("/proc/net/homa_metrics", "r");
	unsigned long long value, sum = 0;
	char line[200];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "server_create_races %llu", &value) == 1)
			sum += value;
	if (file)
		fclose(file);
	return sum;
}

static void run(unsigned int wanted, unsigned int tries, unsigned int seconds)
{
	struct endpoint server = endpoint_must(AF_INET, PORT, 64);
	uint64_t start = now_ns(), id = (start & ~1ull) + 2, end;
	unsigned int n, got = 0, met = 0, delay;
	uint8_t first[HEADER + PIECE], rest[HEADER + LENGTH];
	int fd = raw_socket();
	pthread_t threads[2];
	bool all = true;

	end = start + patience(seconds) * 1000000000ull;
	pthread_create(&threads[0], NULL, serve, &server);
	atomic_store(&next_id, id);
	atomic_store(&ready, id);
	pthread_create(&threads[1], NULL, second, NULL);
	id += 2;
	pin(0);
	for (n = 0; n < tries && met < wanted && now_ns() < end && all; n++) {
		make(first, id, 0, PIECE);
		atomic_store(&next_id, id);
		while (atomic_load(&ready) != id)
			sched_yield();
		atomic_store(&gone, id);
		/* To meet at all phases. */
		for (delay = n % 64 * 8; delay; delay--)
			atomic_load(&ready);
		fire(fd, first, PIECE);
		got = granted(fd, id, 2 * PIECE + WINDOW);
		all = got >= 2 * PIECE + WINDOW;
		make(rest, id, 2 * PIECE, LENGTH - 2 * PIECE);
		fire(fd, rest, LENGTH - 2 * PIECE);
		if (n % 64 == 63)
			met = races();
		id += 2;
	}
	note("%u requests, of which %u were begun on two cores at once", n, races());
	ok(all, "what came of a request counts, on whichever core: granted %u of %u", got,
	   2 * PIECE + WINDOW);
	ok(races() > 0, "some were begun on two cores at once");
	end = now_ns() + patience(10) * 1000000000ull;
	while (atomic_load(&arrived) < n && now_ns() < end)
		usleep(10000);
	is(atomic_load(&arrived), n, "all of them arrive");
	is(atomic_load(&wrong), 0, "as they were");
	atomic_store(&next_id, 0);
	pthread_join(threads[1], NULL);
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(threads[0], NULL);
	endpoint_close(&server);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "races", required_argument, NULL, 'r' },
		{ "tries", required_argument, NULL, 't' },
		{ "seconds", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned int wanted = 20, tries = 20000, seconds = 60;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'r':
			wanted = number(optarg, "--races", 1, 1000000);
			break;
		case 't':
			tries = number(optarg, "--tries", 1, 100000000);
			break;
		case 's':
			seconds = number(optarg, "--seconds", 1, 86400);
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	server_address = address_of("127.0.0.1", PORT);
	pattern_fill(data, LENGTH, LENGTH);
	set("window", WINDOW);
	/* The kernel's own client knows nothing of these requests, and would say so if asked. */
	set("resend_ticks", 5000);
	within(seconds + 40, "requests are begun on two cores at once");
	run(wanted, tries, seconds);
	return done();
}
