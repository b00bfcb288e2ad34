/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A switch of the fabric: finds a packet's output port, in constant time, from its destination's
 * index.
 *
 * Used by Fabric, which builds its tables. A switch is no ns-3 Node and parses no headers.
 */
#ifndef FABRIC_SWITCH_H
#define FABRIC_SWITCH_H

#include "fabric-packet.h"
#include "fabric-port.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace ns3
{

/** How a switch picks among its uplinks. */
enum class FabricRouting : uint8_t
{
    SPRAY, //!< Each packet takes an uplink at random.
    ECMP,  //!< All packets of a flow take the uplink its hash says.
};

/**
 * A switch. Hosts in a range of indices are reached by its down ports, all others by any of its
 * up ports.
 */
class FabricSwitch : public FabricSink
{
  public:
    /**
     * \param firstHost First host reached downwards.
     * \param nHosts Number of consecutive hosts reached downwards.
     * \param downIndex For each host of the fabric, which down port leads to it; shared by switches
     *        and owned by the fabric.
     */
    FabricSwitch(uint32_t firstHost, uint32_t nHosts, const std::vector<uint32_t>& downIndex);

    /** \param port The next port downwards; owned by the fabric. */
    void AddDown(FabricPort* port);
    /** \param port The next port upwards; owned by the fabric. */
    void AddUp(FabricPort* port);
    /**
     * \param routing How to pick an uplink.
     * \param seed Of the generator that sprays.
     */
    void SetRouting(FabricRouting routing, uint64_t seed);
    /**
     * Share one packet memory among the ports added so far.
     * \param bytes Its size.
     * \param alpha Factor of the dynamic thresholds.
     */
    void ShareBuffer(uint64_t bytes, double alpha);
    /** \return The shared memory, or null. */
    FabricBuffer* GetBuffer() const;
    /** \return Packets dropped because no port leads to their destination. */
    uint64_t GetUnroutable() const;

    void Receive(FabricPacket* packet, uint64_t now) override;
    void Expect(const FabricPacket* packet) const override;

  private:
    /**
     * \param state Of the generator; goes on.
     * \return 32 random bits (splitmix64).
     */
    static uint32_t Random(uint64_t& state);
    /**
     * \param packet To be sent on.
     * \param random State of the generator; goes on if that is needed.
     * \return Its output port, or null.
     */
    FabricPort* PortFor(const FabricPacket* packet, uint64_t& random) const;

    /** What Expect() has found out. */
    struct Expected
    {
        const FabricPacket* packet{nullptr}; //!< Of which packet; null: of none.
        FabricPort* port{nullptr};           //!< Its output port.
        uint64_t random{0};                  //!< State of the generator after it.
    };

    mutable Expected m_expected;                   //!< Until the next packet comes.
    uint32_t m_firstHost;                          //!< First host below.
    uint32_t m_nHosts;                             //!< Hosts below.
    const uint32_t* m_downIndex;                   //!< Down port by host.
    FabricRouting m_routing{FabricRouting::SPRAY}; //!< How to go up.
    uint64_t m_random{0};                          //!< State of the generator.
    std::vector<FabricPort*> m_down;               //!< Ports towards the hosts.
    std::vector<FabricPort*> m_up;                 //!< Ports towards the spines.
    std::unique_ptr<FabricBuffer> m_buffer;        //!< Shared memory, or null.
    uint64_t m_unroutable{0};                      //!< Packets without a way.
};

} // namespace ns3

#endif /* FABRIC_SWITCH_H */
