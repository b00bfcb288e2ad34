/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds leaf-spine fabrics, from presets or from one's own figures.
 *
 * For examples, tests and simulator programs.
 */
#ifndef LEAF_SPINE_HELPER_H
#define LEAF_SPINE_HELPER_H

#include "ns3/fabric.h"
#include "ns3/node-container.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * \brief Builds leaf-spine fabrics.
 *
 * Presets, every figure of which can be changed before Build():
 * - sigcomm18: the simulations of Homa's paper (Montazeri et al., SIGCOMM 2018): 9 racks of 16
 *   hosts, 4 spines, host links 10 Gbit/s, uplinks 40 Gbit/s, 250 ns per switch, no propagation
 *   delay, host 0.5 us software and 0.5 us card out, 0.5 us software in, unlimited buffers,
 *   spraying.
 * - atc21: the cluster of "A Linux Kernel Implementation of the Homa Transport Protocol"
 *   (Ousterhout, ATC 2021): 40 hosts on one switch, 25 Gbit/s, MTU 3000. The paper gives no delays;
 *   those here are chosen so that a 100-byte RPC takes about the published 15.1 us on the empty
 *   network.
 * - c6620: 16 hosts on one switch at 100 Gbit/s, MTU 1500: newer cluster machines of that type.
 *   No delays are published; those here are about two thirds of atc21's.
 */
class LeafSpineHelper
{
  public:
    /** One rack of 16 hosts with the figures of sigcomm18. */
    LeafSpineHelper();

    /** \return Names of the presets. */
    static std::vector<std::string> GetPresets();
    /**
     * Take all figures from a preset.
     * \param name Its name.
     * \return Empty, or what is wrong, in one line.
     */
    std::string SetPreset(const std::string& name);
    /** \return The figures, to be read or changed. */
    FabricParameters& Parameters();
    /** \return Empty if a fabric can be built from the figures, or what is wrong, in one line. */
    std::string Check() const;
    /**
     * Build the fabric and a plain node for each host, without an IP stack.
     * Aborts if Check() would complain.
     * \return The fabric.
     */
    Ptr<Fabric> Build();
    /**
     * Build the fabric on nodes that exist. Aborts if Check() would complain or the number of nodes
     * differs from that of hosts.
     * \param nodes One for each host, rack by rack.
     * \return The fabric.
     */
    Ptr<Fabric> Build(const NodeContainer& nodes);
    /**
     * Give every host an IPv4 and IPv6 stack with the addresses that the fabric means for it, all
     * in one subnet, without a queueing discipline and without duplicate address detection, so that
     * they can be used at once. Nodes that have a stack keep it.
     * \param fabric The fabric.
     */
    static void InstallInternet(Ptr<Fabric> fabric);

  private:
    FabricParameters m_parameters; //!< The figures.
};

} // namespace ns3

#endif /* LEAF_SPINE_HELPER_H */
