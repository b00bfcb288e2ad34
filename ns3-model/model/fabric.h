/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A leaf-spine fabric: its switches, links, hosts and addresses, and what it measures.
 *
 * Built by LeafSpineHelper. Experiments read counters and unloaded delays here.
 */
#ifndef FABRIC_H
#define FABRIC_H

#include "fabric-net-device.h"
#include "fabric-port.h"
#include "fabric-switch.h"

#include "ns3/ipv4-address.h"
#include "ns3/ipv6-address.h"
#include "ns3/node.h"
#include "ns3/object.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace ns3
{

/** What a port connects. */
enum class FabricRole : uint8_t
{
    HOST_UP,    //!< Host to its rack's switch.
    RACK_DOWN,  //!< Rack's switch to a host.
    RACK_UP,    //!< Rack's switch to a spine.
    SPINE_DOWN, //!< Spine to a rack's switch.
};

/** Shape and figures of a leaf-spine fabric; every preset of LeafSpineHelper is one of these. */
struct FabricParameters
{
    uint32_t racks{1};                //!< Racks, 1 to 256.
    uint32_t hostsPerRack{16};        //!< Hosts in each, 1 to 16,000.
    uint32_t spines{0};               //!< Spine switches; 0 only with one rack.
    uint64_t hostRate{10000000000};   //!< Link between host and switch, bit/s.
    uint64_t uplinkRate{40000000000}; //!< Link between rack's switch and spine, bit/s.
    uint64_t hostPropagationNs{0};    //!< Propagation delay of a host's link, ns.
    uint64_t uplinkPropagationNs{0};  //!< Propagation delay of an uplink, ns.
    uint64_t switchDelayNs{250}; //!< From the last bit in to the output queue, each switch, ns.
    uint64_t softwareTxNs{500};  //!< Host's software before its card, ns.
    uint64_t nicTxNs{500};       //!< Host's card before its queue, ns.
    uint64_t softwareRxNs{500};  //!< Host's software after the last bit in, ns.
    uint32_t mtu{1500};          //!< Largest IP datagram, bytes.
    FabricRouting routing{FabricRouting::SPRAY}; //!< How packets choose among spines.
    uint64_t portBufferBytes{0};   //!< Most wire bytes waiting at a switch's port; 0: no limit.
    uint64_t switchBufferBytes{0}; //!< Memory shared by a switch's ports; 0: not shared.
    double alpha{1.0};             //!< Dynamic threshold: share of the free memory for one port.
};

/**
 * \brief A leaf-spine fabric.
 */
class Fabric : public Object
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    Fabric();
    ~Fabric() override;

    /**
     * Make switches and links, and a device on each node. Called once, with parameters found valid
     * by LeafSpineHelper::Check().
     * \param parameters Shape and figures.
     * \param nodes One for each host, rack by rack.
     */
    void Build(const FabricParameters& parameters, const std::vector<Ptr<Node>>& nodes);

    /** \return Shape and figures. */
    const FabricParameters& GetParameters() const;
    /** \return Number of hosts. */
    uint32_t GetNHosts() const;
    /**
     * \param host Index of a host; hosts of a rack are consecutive.
     * \return Its device.
     */
    Ptr<FabricNetDevice> GetDevice(uint32_t host) const;
    /**
     * \param host Index of a host.
     * \return Its node.
     */
    Ptr<Node> GetNode(uint32_t host) const;
    /**
     * \param host Index of a host.
     * \return Its rack.
     */
    uint32_t GetRack(uint32_t host) const;

    /**
     * \param address An IPv4 address.
     * \return The host that has it, or FABRIC_NO_HOST. Addresses added to the hosts' IP stacks by
     *         anybody are found.
     */
    uint32_t FindHost(Ipv4Address address);
    /**
     * \param address An IPv6 address.
     * \return The host that has it, or FABRIC_NO_HOST.
     */
    uint32_t FindHost(Ipv6Address address);
    /**
     * \param host Index of a host.
     * \return The IPv4 address meant for it: 10.rack.h/250.h%250+1 for host h of the rack. It is
     *         known to FindHost() without an IP stack.
     */
    Ipv4Address GetIpv4Address(uint32_t host) const;
    /** \return The same for all hosts, as numbers, by host; for as long as there is the fabric. */
    const uint32_t* GetIpv4Addresses() const;
    /**
     * \param host Index of a host.
     * \return The IPv6 address meant for it: fd00::rack:h+1 for host h of the rack.
     */
    Ipv6Address GetIpv6Address(uint32_t host) const;

    /** \return All ports, in the order of roles, then of racks, hosts and spines. */
    const std::vector<Ptr<FabricPort>>& GetPorts() const;
    /**
     * \param role Kind of port.
     * \return The ports of this role: by host; by host; by rack, then spine; by spine, then rack.
     */
    std::vector<Ptr<FabricPort>> GetPorts(FabricRole role) const;
    /**
     * \param role HOST_UP or RACK_DOWN: \p a is the host. RACK_UP: rack \p a to spine \p b.
     *        SPINE_DOWN: spine \p a to rack \p b.
     * \param a First index.
     * \param b Second index.
     * \return The port, or null if there is none such.
     */
    Ptr<FabricPort> GetPort(FabricRole role, uint32_t a, uint32_t b = 0) const;
    /**
     * \param role Kind of port.
     * \return Their counters added up; maxima are the largest.
     */
    FabricPortCounters GetCounters(FabricRole role) const;
    /** Start all counters anew, at the end of a warm-up. */
    void ResetCounters();
    /** \return Packets dropped by limits since the last reset, all ports. */
    uint64_t GetDrops() const;
    /** \return Packets for unknown destinations or without a receiver, since the start. */
    uint64_t GetUnroutable() const;
    /** \return Switches, racks first, then spines. */
    const std::vector<std::unique_ptr<FabricSwitch>>& GetSwitches() const;

    /**
     * The smallest time in which packets can get from one host to another on the empty fabric: from
     * handing all of them to FabricNetDevice at once, to the moment the last one to arrive has
     * passed the receiver's software. It takes constant time, rounds each transmission as the ports
     * do, and assumes the most even spraying. Links are taken to be as at build time.
     *
     * \param src Sending host.
     * \param dst Receiving host.
     * \param fullPackets Number of packets of \p fullWireBytes; sent first.
     * \param fullWireBytes Wire bytes of each of these.
     * \param lastWireBytes Wire bytes of one more packet, sent last and not longer than the others;
     *        0 if there is none.
     * \return ns.
     */
    uint64_t GetUnloadedNs(uint32_t src,
                           uint32_t dst,
                           uint64_t fullPackets,
                           uint32_t fullWireBytes,
                           uint32_t lastWireBytes) const;

  private:
    void DoDispose() override;
    /**
     * Make a port.
     * \param rate Rate, bit/s.
     * \param name For reports.
     * \return The port.
     */
    Ptr<FabricPort> MakePort(uint64_t rate, const std::string& name);
    /** Enter the addresses of the hosts' IP stacks into the maps. */
    void LearnAddresses();

    FabricParameters m_parameters;                                          //!< Shape and figures.
    std::vector<Ptr<Node>> m_nodes;                                         //!< By host.
    std::vector<Ptr<FabricNetDevice>> m_devices;                            //!< By host.
    std::vector<uint32_t> m_rackOfHost;                                     //!< By host.
    std::vector<uint32_t> m_indexInRack;                                    //!< By host.
    std::vector<Ptr<FabricPort>> m_ports;                                   //!< See GetPorts().
    std::vector<std::unique_ptr<FabricSwitch>> m_switches;                  //!< See GetSwitches().
    std::vector<uint32_t> m_ipv4Addresses;                                  //!< By host.
    std::unordered_map<uint32_t, uint32_t> m_ipv4Hosts;                     //!< Address to host.
    std::unordered_map<Ipv6Address, uint32_t, Ipv6AddressHash> m_ipv6Hosts; //!< Address to host.
};

} // namespace ns3

#endif /* FABRIC_H */
