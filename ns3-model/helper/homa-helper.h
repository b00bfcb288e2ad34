/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts Homa on nodes.
 */
#ifndef HOMA_HELPER_H
#define HOMA_HELPER_H

#include "ns3/fabric.h"
#include "ns3/homa-transport.h"
#include "ns3/node-container.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * \brief Puts Homa on nodes.
 */
class HomaHelper
{
  public:
    /** \return TypeId name of the event scheduler that is fastest for fabrics. */
    static std::string FastestScheduler();

    /**
     * Lean road: Homa directly on the hosts of a fabric.
     * \param fabric The fabric.
     * \param transports One for each host, not started; aggregated to the nodes.
     */
    void InstallLean(Ptr<Fabric> fabric, const std::vector<Ptr<HomaTransport>>& transports) const;
    /**
     * Ordinary road: Homa on the IP stacks of a fabric's hosts, which are installed if missing.
     * \param fabric The fabric.
     * \param transports One for each host, not started; aggregated to the nodes.
     */
    void InstallIp(Ptr<Fabric> fabric, const std::vector<Ptr<HomaTransport>>& transports) const;
    /**
     * Write what the hosts of a fabric send and receive.
     * \param prefix Of the files: PREFIX-HOST.pcap.
     * \param fabric The fabric.
     */
    void EnablePcap(const std::string& prefix, Ptr<Fabric> fabric) const;
};

} // namespace ns3

#endif /* HOMA_HELPER_H */
