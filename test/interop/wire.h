/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Simulated hosts on a real wire: each has an IP stack and Homa, and its own link to a simulated
 * switch, whose uplink is a tap device. For the interoperation program only.
 *
 *	host ---- loss ----+
 *	                   +-- switch ---- tap device ---- whoever else is on the kernel's bridge
 *	host ---- loss ----+
 */
#ifndef WIRE_H
#define WIRE_H

#include "ns3/bridge-net-device.h"
#include "ns3/homa-transport.h"
#include "ns3/node.h"

#include <memory>
#include <string>
#include <vector>

namespace ns3
{

/** A host of the simulation. */
struct Host
{
    Ptr<Node> node;               //!< The host.
    Ptr<HomaTransport> transport; //!< Its Homa.
    double loss{0};               //!< Share of packets lost on its link, each way.
    uint64_t lostOut{0};          //!< Packets of its own that its link has lost.
    uint64_t lostIn{0};           //!< Packets to it that its link has lost.
};

/** The switch and its hosts. */
class Wire
{
  public:
    /**
     * Attach to a tap device; throws std::runtime_error if it cannot be.
     * \param tap Its name; it exists already.
     */
    explicit Wire(const std::string& tap);

    /**
     * Add a host.
     * \param ipv4 Its address, with a prefix of 24 bits.
     * \param ipv6 Its address, with a prefix of 64 bits.
     * \param loss Share of packets lost on its link, each way.
     * \return The host, which lives as long as this.
     */
    Host& AddHost(const std::string& ipv4, const std::string& ipv6, double loss);

  private:
    Ptr<Node> m_switch;                         //!< The switch.
    Ptr<BridgeNetDevice> m_bridge;              //!< What makes it one.
    std::vector<std::unique_ptr<Host>> m_hosts; //!< See AddHost().
};

} // namespace ns3

#endif /* WIRE_H */
