/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes Homa sockets on a node: Socket::CreateSocket(node, HomaSocketFactory::GetTypeId()).
 */
#ifndef HOMA_SOCKET_FACTORY_H
#define HOMA_SOCKET_FACTORY_H

#include "ns3/socket-factory.h"

namespace ns3
{

/**
 * \brief Makes HomaSocket objects; HomaHelper aggregates one to every node.
 */
class HomaSocketFactory : public SocketFactory
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    HomaSocketFactory();
    ~HomaSocketFactory() override;

    /** \return A HomaSocket on the node that this object is aggregated to. */
    Ptr<Socket> CreateSocket() override;
};

} // namespace ns3

#endif /* HOMA_SOCKET_FACTORY_H */
