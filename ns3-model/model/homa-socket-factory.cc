/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes Homa sockets; see homa-socket-factory.h.
 */
#include "homa-socket-factory.h"

#include "homa-socket.h"

#include "ns3/abort.h"
#include "ns3/node.h"

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(HomaSocketFactory);

TypeId
HomaSocketFactory::GetTypeId()
{
    static TypeId tid = TypeId("ns3::HomaSocketFactory")
                            .SetParent<SocketFactory>()
                            .SetGroupName("Homa")
                            .AddConstructor<HomaSocketFactory>();
    return tid;
}

HomaSocketFactory::HomaSocketFactory() = default;
HomaSocketFactory::~HomaSocketFactory() = default;

Ptr<Socket>
HomaSocketFactory::CreateSocket()
{
    Ptr<Node> node = GetObject<Node>();
    NS_ABORT_MSG_UNLESS(node, "HomaSocketFactory: aggregate it to a node first (HomaHelper)");
    Ptr<HomaSocket> socket = CreateObject<HomaSocket>();
    socket->SetNode(node);
    return socket;
}

} // namespace ns3
