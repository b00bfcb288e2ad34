/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * What must hold of a host between any two events, recomputed from its RPCs by brute force. Called
 * by the world and by the fuzzer.
 */
#ifndef NET_CHECK_H
#define NET_CHECK_H

#include "../../ns3-model/model/homa-host.h"

/**
 * check_host() - Hold a host's schedulers and timers to its RPCs.
 * @host: At rest: no call into it is under way.
 * Return: NULL, or what does not hold; valid until the next call.
 */
const char *check_host(const struct homa_host *host);

/**
 * check_empty() - A host without work must have let go of everything.
 * @host: At rest.
 * Return: NULL, or what is left over.
 */
const char *check_empty(const struct homa_host *host);

#endif /* NET_CHECK_H */
