/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts Homa on nodes.
 */
#ifndef HOMA_HELPER_H
#define HOMA_HELPER_H

#include "ns3/fabric.h"
#include "ns3/homa-transport.h"
#include "ns3/node-container.h"
#include "ns3/object-factory.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * \brief Puts Homa on nodes.
 *
 * A node then has a HomaTransport, what joins it to the network (HomaL4Protocol on an
 * InternetStack, HomaFabricOutput on the lean road), and a HomaSocketFactory.
 */
class HomaHelper
{
  public:
    HomaHelper();

    /** \return TypeId name of the event scheduler that is fastest for fabrics. */
    static std::string FastestScheduler();

    /**
     * The parameters of the simulations in Homa's paper (Montazeri et al., SIGCOMM 2018), for the
     * fabric sigcomm18 of LeafSpineHelper.
     * \param params To change; call homa_params_update() or HomaTransport::UpdateParameters() after
     * it.
     * \param workload w1 to w5, or w1s: its published degree of overcommitment, which is also its
     * number of scheduled levels. Any other: 7, and levels by the traffic.
     */
    static void UsePublished(homa_params& params, const std::string& workload = "");

    /**
     * Set an attribute of the transports that this helper makes: a parameter of the protocol.
     * Transports that the caller has made are left as they are.
     * \param name Its name, such as UnschedBytes.
     * \param value Its value.
     */
    void SetAttribute(const std::string& name, const AttributeValue& value);
    /**
     * Put Homa on nodes that have an InternetStack. Their interfaces may still be added until the
     * simulation starts.
     * \param nodes The nodes.
     */
    void Install(const NodeContainer& nodes) const;

    /**
     * Lean road: Homa directly on the hosts of a fabric.
     * \param fabric The fabric.
     * \param transports One for each host, not started; aggregated to the nodes.
     */
    void InstallLean(Ptr<Fabric> fabric, const std::vector<Ptr<HomaTransport>>& transports) const;
    /**
     * Lean road, with transports of this helper.
     * \param fabric The fabric.
     * \return The transports, by host.
     */
    std::vector<Ptr<HomaTransport>> InstallLean(Ptr<Fabric> fabric) const;
    /**
     * Ordinary road: Homa on the IP stacks of a fabric's hosts, which are installed if missing.
     * \param fabric The fabric.
     * \param transports One for each host, not started; aggregated to the nodes.
     */
    void InstallIp(Ptr<Fabric> fabric, const std::vector<Ptr<HomaTransport>>& transports) const;
    /**
     * Ordinary road, with transports of this helper.
     * \param fabric The fabric.
     * \return The transports, by host.
     */
    std::vector<Ptr<HomaTransport>> InstallIp(Ptr<Fabric> fabric) const;
    /**
     * Write what the hosts of a fabric send and receive, from the IP header on, with times in
     * nanoseconds. \param prefix Of the files: PREFIX-HOST.pcap. \param fabric The fabric.
     */
    void EnablePcap(const std::string& prefix, Ptr<Fabric> fabric) const;

  private:
    /**
     * \param fabric A fabric.
     * \return A transport for each of its hosts.
     */
    std::vector<Ptr<HomaTransport>> MakeTransports(Ptr<Fabric> fabric) const;

    ObjectFactory m_transport; //!< Makes transports.
};

} // namespace ns3

#endif /* HOMA_HELPER_H */
