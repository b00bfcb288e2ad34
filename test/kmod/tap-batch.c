// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * A client behind a tap device that sends its request as one batch, the way other implementations
 * and NICs do: with segment headers between the data, or as TCP that nobody has cut. An echo server
 * must get every byte. The client knows just as much of the protocol as it takes for that.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "number.h"
#include "tap.h"

#define LENGTH 20000		/* bytes of the request; also of the response */
#define SEGMENT 1400		/* bytes of data in each packet */
#define CLIENT_PORT 40000
#define ETHER 14
#define IP 20
#define HEADER 56

static const char usage[] =
	"Usage: tap-batch TAP MAC FROM TO PORT interleaved|unchecked|disguised\n"
	"Sends a request as one batch from the IPv4 address FROM to the echo server at PORT of TO, by\n"
	"way of an interface with address MAC, through the tap device TAP (mode tap, vnet_hdr), and\n"
	"expects the response. The neighbour table must know FROM.\n"
	"  interleaved  with a segment header before the data of each segment\n"
	"  unchecked    likewise, and without a word on checksums\n"
	"  disguised    as TCP, offsets in the sequence number\n";

static uint8_t frame[sizeof(struct virtio_net_hdr) + 65536];
static uint64_t id;		/* of the RPC; no host may see one twice */
static const uint8_t own_mac[] = { 2, 0, 0, 0, 0, 0x77 };

static uint8_t pattern(uint32_t at)
{
	return (uint8_t)(at * 7 + (at >> 8));
}

static uint8_t *put(uint8_t *to, uint64_t value, int bytes)
{
	while (bytes--)
		*to++ = (uint8_t)(value >> 8 * bytes);
	return to;
}

static uint32_t get(const uint8_t *from, int bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | *from++;
	return value;
}

static uint16_t checksum(const uint8_t *bytes, int length)
{
	uint32_t sum = 0;
	int i;

	for (i = 0; i < length; i += 2)
		sum += get(bytes + i, 2);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct way {
	uint8_t mac[6];
	struct in_addr from, to;
	unsigned int port;
};

/* Everything before Homa's body. Return: where that starts. */
static uint8_t *headers(const struct way *way, uint8_t type, bool disguised, uint16_t gso_size,
			size_t length)
{
	struct virtio_net_hdr *about = (struct virtio_net_hdr *)frame;
	uint8_t *ether = (uint8_t *)(about + 1), *ip = ether + ETHER, *homa = ip + IP;

	memset(frame, 0, sizeof(*about) + ETHER + IP + HEADER);
	if (gso_size) {
		about->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		about->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		about->hdr_len = ETHER + IP + HEADER;
		about->gso_size = gso_size;
		about->csum_start = ETHER + IP;
		about->csum_offset = 16;
	}
	memcpy(ether, way->mac, 6);
	memcpy(ether + 6, own_mac, 6);
	put(ether + 12, ETH_P_IP, 2);
	ip[0] = 0x45;
	put(ip + 2, IP + length, 2);
	put(ip + 6, 0x4000, 2);
	ip[8] = 64;
	ip[9] = disguised ? 6 : 146;
	memcpy(ip + 12, &way->from, 4);
	memcpy(ip + 16, &way->to, 4);
	put(ip + 10, checksum(ip, IP), 2);
	put(homa, CLIENT_PORT, 2);
	put(homa + 2, way->port, 2);
	homa[11] = type;
	homa[12] = 5 << 4;
	if (disguised) {
		homa[13] = 6;
		put(homa + 18, 0xb97d, 2);
	}
	put(homa + 20, id, 8);
	return homa + 28;
}

static void send_frame(int fd, const uint8_t *end)
{
	const struct virtio_net_hdr *about = (const struct virtio_net_hdr *)frame;

	if (write(fd, frame, (size_t)(end - frame)) == end - frame)
		return;
	if (errno == EINVAL && about->gso_type && !(about->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		/* Newer ones do: then no such batch can reach the module. */
		printf("# the kernel itself refuses batches that say nothing of checksums\n");
		exit(0);
	}
	err(1, "cannot write to the tap device");
}

static void send_request(int fd, const struct way *way, bool disguised, bool checked)
{
	size_t headers_between = disguised ? 0 : (LENGTH + SEGMENT - 1) / SEGMENT - 1;
	uint8_t *body = headers(way, 0x10, disguised, disguised ? SEGMENT : SEGMENT + 4,
				HEADER + LENGTH + 4 * headers_between);
	uint8_t *at = body + 28;
	uint32_t i;

	if (!checked)
		((struct virtio_net_hdr *)frame)->flags = 0;
	body[-16] = (disguised ? 14 : 13) << 4;
	put(body, LENGTH, 4);
	put(body + 4, LENGTH, 4);
	put(body + 24, disguised ? 0xffffffff : 0, 4);
	for (i = 0; i < LENGTH; i++) {
		if (i && i % SEGMENT == 0 && !disguised)
			at = put(at, i, 4);
		*at++ = pattern(i);
	}
	send_frame(fd, at);
}

static void send_ack(int fd, const struct way *way)
{
	uint8_t *body = headers(way, 0x18, false, 0, 80);

	memset(body, 0, 52);
	send_frame(fd, body + 52);
}

/* Bytes of the response that were right and new; each is marked. */
static uint32_t receive(const uint8_t *ip, size_t length, uint8_t *arrived)
{
	const uint8_t *homa = ip + IP;
	uint32_t offset, i, count = 0;

	if (length < IP + HEADER || ip[9] != 146 || homa[11] != 0x10 ||
	    get(homa + 24, 4) != (uint32_t)(id ^ 1) || get(homa + 28, 4) != LENGTH)
		return 0;
	offset = get(homa + 52, 4);
	for (i = 0; i < length - IP - HEADER && offset + i < LENGTH; i++) {
		if (homa[HEADER + i] != pattern(offset + i) || arrived[offset + i])
			continue;
		arrived[offset + i] = 1;
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	struct ifreq about = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	static uint8_t arrived[LENGTH];
	uint32_t count = 0;
	struct way way;
	time_t end;
	int fd;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) < 0;
	if (argc != 7 || strlen(argv[1]) >= IFNAMSIZ ||
	    sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &way.mac[0], &way.mac[1], &way.mac[2],
		   &way.mac[3], &way.mac[4], &way.mac[5]) != 6 ||
	    !inet_aton(argv[3], &way.from) || !inet_aton(argv[4], &way.to) ||
	    (strcmp(argv[6], "interleaved") && strcmp(argv[6], "unchecked") &&
	     strcmp(argv[6], "disguised")))
		return fputs(usage, stderr), 2;
	way.port = number(argv[5], "PORT", 1, 65535);
	id = (uint64_t)time(NULL) << 32 | (uint64_t)getpid() << 1;
	strcpy(about.ifr_name, argv[1]);
	fd = open("/dev/net/tun", O_RDWR);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &about))
		err(1, "cannot open the tap device %s", argv[1]);
	usleep(300000);	/* until it has a carrier */
	send_request(fd, &way, !strcmp(argv[6], "disguised"), strcmp(argv[6], "unchecked"));
	for (end = time(NULL) + 5; count < LENGTH && time(NULL) < end;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		static uint8_t got[sizeof(frame)];
		ssize_t length;

		if (poll(&ready, 1, 100) <= 0)
			continue;
		length = read(fd, got, sizeof(got));
		length -= (ssize_t)sizeof(struct virtio_net_hdr) + ETHER;
		if (length > 0)
			count += receive(got + sizeof(struct virtio_net_hdr) + ETHER,
					 (size_t)length, arrived);
	}
	send_ack(fd, &way);
	is(count, LENGTH, "a request sent as one %s batch is echoed", argv[6]);
	return done();
}
