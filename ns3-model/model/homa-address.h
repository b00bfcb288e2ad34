/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses of the protocol core and of ns-3, each as the other.
 */
#ifndef HOMA_ADDRESS_H
#define HOMA_ADDRESS_H

#include "homa-host.h"

#include "ns3/ipv4-address.h"
#include "ns3/ipv6-address.h"

namespace ns3
{

/** Conversions between struct homa_address and ns-3's addresses; IPv4 addresses are IPv4-mapped. */
struct HomaAddress
{
    /**
     * \param address An IPv4 address.
     * \return The same for the core.
     */
    static struct homa_address FromIpv4(Ipv4Address address)
    {
        return {0, HOMA_IPV4_MAPPED | address.Get()};
    }

    /**
     * \param address An IPv6 address.
     * \return The same for the core.
     */
    static struct homa_address FromIpv6(Ipv6Address address)
    {
        uint8_t b[16];
        struct homa_address a = {0, 0};
        address.GetBytes(b);
        for (int i = 0; i < 8; i++)
        {
            a.high = a.high << 8 | b[i];
            a.low = a.low << 8 | b[i + 8];
        }
        return a;
    }

    /**
     * \param a An address of the core.
     * \return The same for ns-3.
     */
    static Ipv6Address ToIpv6(struct homa_address a)
    {
        uint8_t b[16];
        for (int i = 7; i >= 0; i--)
        {
            b[i] = static_cast<uint8_t>(a.high);
            b[i + 8] = static_cast<uint8_t>(a.low);
            a.high >>= 8;
            a.low >>= 8;
        }
        return Ipv6Address(b);
    }

    /**
     * \param a An address of the core.
     * \return Whether it is an IPv4 address.
     */
    static bool IsIpv4(const struct homa_address& a)
    {
        return homa_address_is_ipv4(&a);
    }

    /**
     * \param a An IPv4 address of the core.
     * \return The same for ns-3.
     */
    static Ipv4Address ToIpv4(const struct homa_address& a)
    {
        return Ipv4Address(static_cast<uint32_t>(a.low));
    }
};

} // namespace ns3

#endif /* HOMA_ADDRESS_H */
