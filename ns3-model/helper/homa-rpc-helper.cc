/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts clients and servers of RPCs on nodes; see homa-rpc-helper.h.
 */
#include "homa-rpc-helper.h"

#include "ns3/abort.h"
#include "ns3/homa-rpc-application.h"
#include "ns3/ipv4-address.h"
#include "ns3/node.h"
#include "ns3/uinteger.h"

#include <memory>

namespace ns3
{

HomaRpcServerHelper::HomaRpcServerHelper(uint16_t port)
{
    m_factory.SetTypeId(HomaRpcServer::GetTypeId());
    m_factory.Set("Port", UintegerValue(port));
}

void
HomaRpcServerHelper::SetAttribute(const std::string& name, const AttributeValue& value)
{
    m_factory.Set(name, value);
}

ApplicationContainer
HomaRpcServerHelper::Install(const NodeContainer& nodes) const
{
    ApplicationContainer made;
    for (auto node = nodes.Begin(); node != nodes.End(); ++node)
    {
        Ptr<HomaRpcServer> server = m_factory.Create<HomaRpcServer>();
        (*node)->AddApplication(server);
        made.Add(server);
    }
    return made;
}

HomaRpcClientHelper::HomaRpcClientHelper(uint16_t port)
{
    m_factory.SetTypeId(HomaRpcClient::GetTypeId());
    m_factory.Set("RemotePort", UintegerValue(port));
}

void
HomaRpcClientHelper::SetAttribute(const std::string& name, const AttributeValue& value)
{
    m_factory.Set(name, value);
}

void
HomaRpcClientHelper::AddServer(const Address& address)
{
    if (Ipv4Address::IsMatchingType(address))
    {
        m_servers.push_back(Ipv6Address::MakeIpv4MappedAddress(Ipv4Address::ConvertFrom(address)));
        return;
    }
    NS_ABORT_MSG_UNLESS(Ipv6Address::IsMatchingType(address),
                        "HomaRpcClientHelper: a server's address must be an IPv4 or IPv6 address");
    m_servers.push_back(Ipv6Address::ConvertFrom(address));
}

void
HomaRpcClientHelper::SetSeed(uint64_t seed)
{
    m_seed = seed;
}

int64_t
HomaRpcClientHelper::AssignStreams(const NodeContainer& nodes, int64_t stream) const
{
    int64_t next = stream;
    for (auto node = nodes.Begin(); node != nodes.End(); ++node)
    {
        for (uint32_t i = 0; i < (*node)->GetNApplications(); i++)
        {
            if (auto client = DynamicCast<HomaRpcClient>((*node)->GetApplication(i)))
            {
                next += client->AssignStreams(next);
            }
        }
    }
    return next - stream;
}

ApplicationContainer
HomaRpcClientHelper::Install(const NodeContainer& nodes) const
{
    ApplicationContainer made;
    const auto servers = std::make_shared<const std::vector<Ipv6Address>>(m_servers);
    for (auto node = nodes.Begin(); node != nodes.End(); ++node)
    {
        Ptr<HomaRpcClient> client = m_factory.Create<HomaRpcClient>();
        client->ShareServers(servers);
        if (m_seed)
        {
            /* A node may have several clients, also of several helpers. */
            client->SetStream(*m_seed,
                              uint64_t((*node)->GetNApplications()) << 32 | (*node)->GetId());
        }
        (*node)->AddApplication(client);
        made.Add(client);
    }
    return made;
}

} // namespace ns3
