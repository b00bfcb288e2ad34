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
class alignas(64) FabricSwitch : public FabricSink
{
  public:
    /**
     * \param firstHost First host reached downwards.
     * \param nHosts Number of consecutive hosts reached downwards.
     * \param hostsPerPort How many of them each down port leads to, in their order; at least 1.
     */
    FabricSwitch(uint32_t firstHost, uint32_t nHosts, uint32_t hostsPerPort);

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
     * \param packet To be sent on.
     * \return Whether one out of several uplinks is to be drawn for it.
     */
    bool IsSprayed(const FabricPacket* packet) const
    {
        return packet->dst - m_firstHost >= m_nHosts && m_routing == FabricRouting::SPRAY;
    }

    /**
     * Add a port of one direction.
     * \param ports Those there are.
     * \param port The next one.
     */
    void Add(std::vector<FabricPort*>& ports, FabricPort* port);
    /** \return What the generator is to give next (splitmix64): 32 random bits. */
    uint32_t PeekRandom() const;

    /** Let the generator go on. */
    void Draw()
    {
        m_random += RANDOM_STEP;
    }

    /**
     * \param packet To be sent on.
     * \return Its output port, or null. If it is sprayed, Draw() has yet to be called.
     */
    FabricPort* PortFor(const FabricPacket* packet) const;

    static constexpr uint64_t RANDOM_STEP = 0x9e3779b97f4a7c15ULL; //!< Of splitmix64.

    // With the pointer to the virtual functions, a cache line for every packet.
    uint32_t m_firstHost;                                  //!< First host below.
    uint32_t m_nHosts;                                     //!< Hosts below.
    uint32_t m_hostsPerPort;                               //!< Hosts below each down port.
    uint16_t m_nUp{0};                                     //!< Ports of m_up.
    FabricRouting m_routing{FabricRouting::SPRAY};         //!< How to go up.
    bool m_inRow{true};                                    //!< See Add().
    uint64_t m_random{0};                                  //!< State of the generator.
    FabricPort* m_firstDown{nullptr};                      //!< That of m_down.
    FabricPort* m_firstUp{nullptr};                        //!< That of m_up.
    mutable const FabricPacket* m_expectedPacket{nullptr}; //!< See Expect(); null: none.
    mutable FabricPort* m_expectedPort{nullptr};           //!< Its output port.

    std::vector<FabricPort*> m_down;        //!< Ports towards the hosts.
    std::vector<FabricPort*> m_up;          //!< Ports towards the spines.
    std::unique_ptr<FabricBuffer> m_buffer; //!< Shared memory, or null.
    uint64_t m_unroutable{0};               //!< Packets without a way.
};

} // namespace ns3

#endif /* FABRIC_SWITCH_H */
