/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ordinary road: a Homa transport on a node's IPv4 and IPv6 stacks, over any NetDevice.
 *
 * HomaHelper puts it on nodes. It carries packets between HomaTransport and IP, with real bytes,
 * and decides nothing.
 */
#ifndef HOMA_L4_PROTOCOL_H
#define HOMA_L4_PROTOCOL_H

#include "homa-transport.h"

#include "ns3/ip-l4-protocol.h"
#include "ns3/ipv4-address.h"
#include "ns3/nstime.h"

#include <unordered_map>

namespace ns3
{

class Ipv4;
class Ipv4Route;
class Ipv6;
class Ipv6Route;
class NetDevice;
class Node;

/**
 * \brief Homa over IP, protocol number 146.
 *
 * Aggregate a HomaTransport and this to a node that has an InternetStack. The priority of a packet
 * is the upper three bits of its TOS or traffic class. The transport starts with the simulation, or
 * at Start(): by then the node's interfaces must be there, because the MTU, the link's rate and its
 * framing are read from them (of several interfaces, the smallest MTU and the fastest link). What
 * is too long for an MTU that changes later, IP sends as fragments.
 *
 * Packets to a peer come from the address that it last used for us, or else from the one its route
 * gives. So a client must not use two addresses of one server at the same time.
 */
class HomaL4Protocol : public IpL4Protocol, public HomaOutput
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    HomaL4Protocol();
    ~HomaL4Protocol() override;

    static constexpr uint8_t PROT_NUMBER = 146; //!< Homa's protocol number.

    /** Start the transport now, unless it has started. */
    void Start();

    // Inherited from HomaOutput
    void Send(struct homa_host_peer* peer,
              const homa_packet& packet,
              Ptr<Packet> content,
              uint8_t priority) override;

    // Inherited from IpL4Protocol
    int GetProtocolNumber() const override;
    RxStatus Receive(Ptr<Packet> packet,
                     const Ipv4Header& header,
                     Ptr<Ipv4Interface> incoming) override;
    RxStatus Receive(Ptr<Packet> packet,
                     const Ipv6Header& header,
                     Ptr<Ipv6Interface> incoming) override;
    void ReceiveIcmp(Ipv4Address icmpSource,
                     uint8_t icmpTtl,
                     uint8_t icmpType,
                     uint8_t icmpCode,
                     uint32_t icmpInfo,
                     Ipv4Address payloadSource,
                     Ipv4Address payloadDestination,
                     const uint8_t payload[8]) override;
    void ReceiveIcmp(Ipv6Address icmpSource,
                     uint8_t icmpTtl,
                     uint8_t icmpType,
                     uint8_t icmpCode,
                     uint32_t icmpInfo,
                     Ipv6Address payloadSource,
                     Ipv6Address payloadDestination,
                     const uint8_t payload[8]) override;
    void SetDownTarget(DownTargetCallback cb) override;
    void SetDownTarget6(DownTargetCallback6 cb) override;
    DownTargetCallback GetDownTarget() const override;
    DownTargetCallback6 GetDownTarget6() const override;

  protected:
    void NotifyNewAggregate() override;
    void DoInitialize() override;
    void DoDispose() override;

  private:
    /** How packets get to a peer. */
    struct Way
    {
        Time until;            //!< When to look again.
        Ptr<Ipv4Route> route;  //!< For IPv4.
        Ptr<Ipv6Route> route6; //!< For IPv6.
        Ipv6Address source;    //!< Our address; IPv4-mapped for IPv4.
        Ipv6Address heardAt;   //!< Our address that the peer last sent to; any: none.
        uint32_t interface {
            0
        };                 //!< Its IP interface.
        bool known{false}; //!< There is a route.
        bool local{false}; //!< It leads back to this node.
        bool told{false};  //!< That there is none: the transport will hear.
    };

    /**
     * \param way Cached.
     * \return Whether it must be looked up again, apart from the state of its interface.
     */
    static bool IsStale(const Way& way);
    /**
     * Send over IPv4.
     * \param way Its cached way.
     * \param to The peer.
     * \param datagram Homa's header and data.
     * \return False if there is no way.
     */
    bool SendIpv4(Way& way, Ipv4Address to, Ptr<Packet> datagram);
    /**
     * Send over IPv6.
     * \param way Its cached way.
     * \param to The peer.
     * \param datagram Homa's header and data.
     * \return False if there is no way.
     */
    bool SendIpv6(Way& way, Ipv6Address to, Ptr<Packet> datagram);
    /**
     * Tell the transport that there is no way to a peer.
     * \param peer The peer.
     */
    void NoWay(Ipv6Address peer);
    /**
     * Hand a packet to the transport.
     * \param from Sender.
     * \param at Our address that it was sent to.
     * \param packet What follows the IP header.
     * \return For IP.
     */
    RxStatus ReceiveFrom(Ipv6Address from, Ipv6Address at, Ptr<Packet> packet);
    /**
     * \param device A device.
     * \param link Its figures are added to these.
     */
    static void AddDevice(Ptr<NetDevice> device, HomaTransport::Link& link);

    Ptr<Node> m_node;                  //!< Ours.
    Ptr<Ipv4> m_ipv4;                  //!< Its IPv4, or null.
    Ptr<Ipv6> m_ipv6;                  //!< Its IPv6, or null.
    Ptr<HomaTransport> m_transport;    //!< Its Homa.
    DownTargetCallback m_downTarget;   //!< Sends over IPv4.
    DownTargetCallback6 m_downTarget6; //!< Sends over IPv6.
    Time m_routeLifetime;              //!< How long a route is used without looking it up again.
    /** By peer. */
    std::unordered_map<Ipv6Address, Way, Ipv6AddressHash> m_ways;
};

} // namespace ns3

#endif /* HOMA_L4_PROTOCOL_H */
