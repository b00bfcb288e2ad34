/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts clients and servers of RPCs on nodes that have Homa.
 */
#ifndef HOMA_RPC_HELPER_H
#define HOMA_RPC_HELPER_H

#include "ns3/address.h"
#include "ns3/application-container.h"
#include "ns3/ipv6-address.h"
#include "ns3/node-container.h"
#include "ns3/object-factory.h"

#include <optional>
#include <string>
#include <vector>

namespace ns3
{

/**
 * \brief Puts a HomaRpcServer on each of some nodes.
 */
class HomaRpcServerHelper
{
  public:
    /** \param port Port served. */
    explicit HomaRpcServerHelper(uint16_t port = 1);
    /**
     * \param name Of an attribute of HomaRpcServer.
     * \param value Its value.
     */
    void SetAttribute(const std::string& name, const AttributeValue& value);
    /**
     * \param nodes Nodes with Homa.
     * \return One server for each.
     */
    ApplicationContainer Install(const NodeContainer& nodes) const;

  private:
    ObjectFactory m_factory; //!< Makes servers.
};

/**
 * \brief Puts a HomaRpcClient on each of some nodes.
 */
class HomaRpcClientHelper
{
  public:
    /** \param port Port of the servers. */
    explicit HomaRpcClientHelper(uint16_t port = 1);
    /**
     * \param name Of an attribute of HomaRpcClient.
     * \param value Its value.
     */
    void SetAttribute(const std::string& name, const AttributeValue& value);
    /** \param address Ipv4Address or Ipv6Address of one more server that every client draws from.
     */
    void AddServer(const Address& address);
    /**
     * Choose random numbers that do not follow RngSeedManager.
     * \param seed Of the experiment; every client has a stream of its own.
     */
    void SetSeed(uint64_t seed);
    /**
     * Fix the streams of random numbers of the clients on some nodes; see
     * HomaRpcClient::AssignStreams().
     * \param nodes The nodes.
     * \param stream First stream that may be used.
     * \return Number of streams used.
     */
    int64_t AssignStreams(const NodeContainer& nodes, int64_t stream) const;
    /**
     * \param nodes Nodes with Homa.
     * \return One client for each.
     */
    ApplicationContainer Install(const NodeContainer& nodes) const;

  private:
    ObjectFactory m_factory;            //!< Makes clients.
    std::vector<Ipv6Address> m_servers; //!< Destinations.
    std::optional<uint64_t> m_seed;     //!< See SetSeed().
};

} // namespace ns3

#endif /* HOMA_RPC_HELPER_H */
