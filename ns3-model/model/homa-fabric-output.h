/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lean road: a Homa transport directly on a FabricNetDevice, without an IP stack and without an
 * ns3::Packet per packet. Packets carry the same header bytes as on the ordinary road; what is left
 * out is only the work.
 */
#ifndef HOMA_FABRIC_OUTPUT_H
#define HOMA_FABRIC_OUTPUT_H

#include "fabric-net-device.h"
#include "homa-transport.h"

#include <unordered_set>

namespace ns3
{

/**
 * \brief Joins a HomaTransport and a FabricNetDevice.
 *
 * Aggregate both and this to a node; HomaHelper does.
 */
class HomaFabricOutput : public Object,
                         public FabricObjectMemory,
                         public HomaOutput,
                         private FabricHostSink
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    HomaFabricOutput();
    ~HomaFabricOutput() override;

    /**
     * Connect, and start the transport.
     * \param transport The transport, not started.
     * \param device The device.
     */
    void Install(Ptr<HomaTransport> transport, Ptr<FabricNetDevice> device);
    // Inherited from HomaOutput
    void Send(struct homa_host_peer* peer,
              const homa_packet& packet,
              Ptr<Packet> content,
              uint8_t priority) override;

  private:
    /** What an ICMP "port unreachable" is made of, bytes. */
    enum Icmp : uint32_t
    {
        ICMP_HEADER = 8, //!< Type, code, checksum, unused.
        ICMP_QUOTE = 28, //!< The refused packet's IP header and 8 bytes more.
        ICMP_BYTES = 36, //!< All of it, without its own IP header.
    };

    /**
     * Tell a client that nobody serves the port, as an IP stack would.
     * \param refused The request.
     */
    void SendPortUnreachable(const FabricPacket* refused);
    /**
     * Take such a message.
     * \param packet The packet.
     */
    void ReceivePortUnreachable(const FabricPacket* packet);
    /**
     * Write a packet's IP header, which does not travel with it: the packet has all that is in it.
     * \param ip Where to: HOMA_IPV4_HEADER bytes.
     * \param packet The packet.
     */
    void PutIpv4(uint8_t* ip, const FabricPacket* packet) const;
    void DoDispose() override;
    void ReceiveFabric(FabricPacket* packet, uint64_t now) override;
    void ExpectFabric(const FabricPacket* packet) const override;
    Ptr<Packet> MakeDatagram(const FabricPacket* packet) override;
    /**
     * Tell the transport that there is no way to a peer.
     * \param peer The peer.
     */
    void NoWay(Ipv6Address peer);
    /**
     * \param peer A peer.
     * \return Its host's index in the fabric, or FABRIC_NO_HOST.
     */
    uint32_t HostOf(struct homa_host_peer* peer) const;

    Ptr<HomaTransport> m_transport;       //!< Above.
    const uint32_t* m_addresses{nullptr}; //!< Everybody's IPv4 addresses, by host.
    Ptr<FabricNetDevice> m_device;        //!< Below.
    bool m_freeResponses;                 //!< See the attribute.
    /** Peers without a way: the transport will hear. */
    std::unordered_set<Ipv6Address, Ipv6AddressHash> m_lost;
};

} // namespace ns3

#endif /* HOMA_FABRIC_OUTPUT_H */
