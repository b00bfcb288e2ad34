/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host's network card on the fabric.
 *
 * Two roads lead through it, over the same switches and with the same timing:
 * - the ordinary road: an InternetStack sends IPv4 and IPv6 datagrams through NetDevice::Send(),
 *   which reads priority, destination and flow from their headers;
 * - the lean road: a transport's host engine sends FabricPackets with SendFabric() and receives
 *   them through a FabricHostSink, without an ns3::Packet.
 */
#ifndef FABRIC_NET_DEVICE_H
#define FABRIC_NET_DEVICE_H

#include "fabric-packet.h"
#include "fabric-port.h"
#include "fabric-trace.h"

#include "ns3/mac48-address.h"
#include "ns3/net-device.h"
#include "ns3/node.h"
#include "ns3/nstime.h"

namespace ns3
{

class Fabric;

/**
 * \brief A host's network card on the fabric.
 *
 * Needs neither ARP nor neighbour discovery: the fabric knows where every address is. Multicast and
 * broadcast datagrams are counted and swallowed.
 */
class FabricNetDevice : public NetDevice, public FabricMemory, private FabricSink
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    FabricNetDevice();
    ~FabricNetDevice() override;

    /**
     * Join a fabric, with the MTU and the delays of its parameters; called once, by its builder,
     * before the port is connected.
     * \param fabric The fabric.
     * \param host Index of this host in it.
     */
    void Attach(Ptr<Fabric> fabric, uint32_t host);
    /** \return The fabric. */
    Ptr<Fabric> GetFabric() const;
    /** \return Index of this host in the fabric. */
    uint32_t GetHost() const;
    /** \return The card's sending side. */
    Ptr<FabricPort> GetPort() const;
    /** \return This device as the end of the link towards it. */
    FabricSink* GetSink();
    /** \return Software and card delay before a packet is in the card's queue, ns. */
    uint64_t GetTxDelayNs() const;
    /** \return The fabric's delay of software before the card; zero outside of a fabric. */
    Time GetSoftwareTxDelay() const;
    /** \return Likewise of the card, before a packet is in its queue. */
    Time GetNicTxDelay() const;
    /** \return Likewise of software after a packet's last bit has arrived. */
    Time GetSoftwareRxDelay() const;

    /**
     * Send on the lean road. The caller has set dst, wireBytes, priority, and hash if ECMP is to
     * tell flows apart; src and lean are set here.
     * \param packet The packet; the fabric now owns it.
     * \param now Simulator::Now() in ns.
     */
    void SendFabric(FabricPacket* packet, uint64_t now)
    {
        packet->src = m_host;
        packet->lean = true;
        if (!m_macTxTrace.IsEmpty() || !m_snifferTrace.IsEmpty() ||
            !m_promiscSnifferTrace.IsEmpty())
        {
            Sniff(packet, true);
        }
        m_txPort->Enqueue(packet, now);
    }

    /** \param sink Who receives lean packets; null to drop and count them. */
    void SetFabricReceiver(FabricHostSink* sink);

    /** \return Datagrams and packets that had no known destination or no receiver. */
    uint64_t GetUnroutable() const;
    /** \return Multicast and broadcast datagrams swallowed. */
    uint64_t GetMulticastDrops() const;

    // Inherited from NetDevice
    void SetIfIndex(const uint32_t index) override;
    uint32_t GetIfIndex() const override;
    Ptr<Channel> GetChannel() const override;
    void SetAddress(Address address) override;
    Address GetAddress() const override;
    bool SetMtu(const uint16_t mtu) override;
    uint16_t GetMtu() const override;
    bool IsLinkUp() const override;
    void AddLinkChangeCallback(Callback<void> callback) override;
    bool IsBroadcast() const override;
    Address GetBroadcast() const override;
    bool IsMulticast() const override;
    Address GetMulticast(Ipv4Address multicastGroup) const override;
    Address GetMulticast(Ipv6Address addr) const override;
    bool IsBridge() const override;
    bool IsPointToPoint() const override;
    bool Send(Ptr<Packet> packet, const Address& dest, uint16_t protocolNumber) override;
    bool SendFrom(Ptr<Packet> packet,
                  const Address& source,
                  const Address& dest,
                  uint16_t protocolNumber) override;
    Ptr<Node> GetNode() const override;
    void SetNode(Ptr<Node> node) override;
    bool NeedsArp() const override;
    void SetReceiveCallback(NetDevice::ReceiveCallback cb) override;
    void SetPromiscReceiveCallback(NetDevice::PromiscReceiveCallback cb) override;
    bool SupportsSendFrom() const override;

  private:
    void DoDispose() override;
    void Receive(FabricPacket* packet, uint64_t now) override;
    void Expect(const FabricPacket* packet) const override;
    /**
     * Fire the device's trace sources for a packet.
     * \param packet The packet.
     * \param sent True if this host sends it, false if it receives it.
     */
    void Sniff(const FabricPacket* packet, bool sent);

    // What every packet touches comes first.
    FabricHostSink* m_fabricSink{nullptr};                //!< Receiver of lean packets.
    FabricPort* m_txPort{nullptr};                        //!< The port, without the indirection.
    uint32_t m_host{FABRIC_NO_HOST};                      //!< Index in the fabric.
    FabricTrace<Ptr<const Packet>> m_macTxTrace;          //!< Handed to the device.
    FabricTrace<Ptr<const Packet>> m_macRxTrace;          //!< Handed to the host.
    FabricTrace<Ptr<const Packet>> m_macTxDropTrace;      //!< No destination.
    FabricTrace<Ptr<const Packet>> m_snifferTrace;        //!< Sent or received.
    FabricTrace<Ptr<const Packet>> m_promiscSnifferTrace; //!< Sent or received.
    Ptr<FabricPort> m_port;                               //!< Sending side.
    Ptr<Fabric> m_fabric;                                 //!< Where it is attached.
    Ptr<Node> m_node;                                     //!< Host.
    Mac48Address m_address;                               //!< Made from the host index.
    uint32_t m_ifIndex{0};                                //!< Index among the node's devices.
    uint16_t m_mtu{1500};                                 //!< Largest IP datagram.
    uint64_t m_unroutable{0};                             //!< See GetUnroutable().
    uint64_t m_multicastDrops{0};                         //!< See GetMulticastDrops().
    NetDevice::ReceiveCallback m_rxCallback;              //!< Node's protocol handlers.
    NetDevice::PromiscReceiveCallback m_promiscCallback;  //!< Node's promiscuous handlers.
};

} // namespace ns3

#endif /* FABRIC_NET_DEVICE_H */
