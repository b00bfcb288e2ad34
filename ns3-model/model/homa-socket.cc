/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Homa sockets; see homa-socket.h.
 */
#include "homa-socket.h"

#include "homa-host.h"
#include "homa-l4-protocol.h"

#include "ns3/boolean.h"
#include "ns3/inet-socket-address.h"
#include "ns3/inet6-socket-address.h"
#include "ns3/ipv4.h"
#include "ns3/ipv6.h"
#include "ns3/log.h"
#include "ns3/node.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("HomaSocket");
NS_OBJECT_ENSURE_REGISTERED(HomaSocket);

TypeId
HomaSocket::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::HomaSocket")
            .SetParent<Socket>()
            .SetGroupName("Homa")
            .AddConstructor<HomaSocket>()
            .AddAttribute(
                "KeepContent",
                "Keep the content of received messages; otherwise only their lengths, and "
                "they are read as zeros.",
                BooleanValue(true),
                MakeBooleanAccessor(&HomaSocket::m_keepContent),
                MakeBooleanChecker())
            .AddAttribute("Server",
                          "Take requests even when not bound to a server port.",
                          BooleanValue(false),
                          MakeBooleanAccessor(&HomaSocket::SetServer, &HomaSocket::GetServer),
                          MakeBooleanChecker());
    return tid;
}

HomaSocket::HomaSocket() = default;

HomaSocket::~HomaSocket()
{
    if (!m_closed)
    {
        Close();
    }
}

void
HomaSocket::DoDispose()
{
    if (!m_closed)
    {
        Close();
    }
    m_node = nullptr;
    m_transport = nullptr;
    Socket::DoDispose();
}

void
HomaSocket::SetNode(Ptr<Node> node)
{
    m_node = node;
    m_transport = node->GetObject<HomaTransport>();
    NS_ABORT_MSG_UNLESS(m_transport, "HomaSocket: install Homa on the node first (HomaHelper)");
}

int
HomaSocket::Fail(SocketErrno error) const
{
    m_errno = error;
    return -1;
}

enum Socket::SocketErrno
HomaSocket::GetErrno() const
{
    return m_errno;
}

enum Socket::SocketType
HomaSocket::GetSocketType() const
{
    return NS3_SOCK_DGRAM;
}

Ptr<Node>
HomaSocket::GetNode() const
{
    return m_node;
}

bool
HomaSocket::Parse(const Address& address, Ipv6Address& ip, uint16_t& port)
{
    if (InetSocketAddress::IsMatchingType(address))
    {
        InetSocketAddress v4 = InetSocketAddress::ConvertFrom(address);
        ip = Ipv6Address::MakeIpv4MappedAddress(v4.GetIpv4());
        port = v4.GetPort();
        return true;
    }
    if (Inet6SocketAddress::IsMatchingType(address))
    {
        Inet6SocketAddress v6 = Inet6SocketAddress::ConvertFrom(address);
        ip = v6.GetIpv6();
        port = v6.GetPort();
        return true;
    }
    return false;
}

Address
HomaSocket::Join(Ipv6Address ip, uint16_t port)
{
    if (ip.IsIpv4MappedAddress())
    {
        return InetSocketAddress(ip.GetIpv4MappedAddress(), port);
    }
    return Inet6SocketAddress(ip, port);
}

bool
HomaSocket::IsUnicast(Ipv6Address ip)
{
    if (ip.IsIpv4MappedAddress())
    {
        Ipv4Address v4 = ip.GetIpv4MappedAddress();
        return !v4.IsAny() && !v4.IsMulticast() && !v4.IsBroadcast();
    }
    return !ip.IsAny() && !ip.IsMulticast();
}

bool
HomaSocket::IsOurs(Ipv6Address ip) const
{
    if (ip.IsAny() || (ip.IsIpv4MappedAddress() && ip.GetIpv4MappedAddress().IsAny()))
    {
        return true;
    }
    if (!m_node->GetObject<HomaL4Protocol>())
    {
        /* The lean road knows no other address than the fabric's. */
        return ip.IsIpv4MappedAddress();
    }
    if (ip.IsIpv4MappedAddress())
    {
        Ptr<Ipv4> ipv4 = m_node->GetObject<Ipv4>();
        return ipv4 && ipv4->GetInterfaceForAddress(ip.GetIpv4MappedAddress()) >= 0;
    }
    Ptr<Ipv6> ipv6 = m_node->GetObject<Ipv6>();
    return ipv6 && ipv6->GetInterfaceForAddress(ip) >= 0;
}

int
HomaSocket::Take(uint16_t port, bool ipv6)
{
    if (m_closed)
    {
        return Fail(ERROR_BADF);
    }
    if (m_port || port > MAX_SERVER_PORT)
    {
        return Fail(ERROR_INVAL);
    }
    if (port && !m_transport->Bind(port, this))
    {
        return Fail(ERROR_ADDRINUSE);
    }
    if (!port)
    {
        port = m_transport->AllocatePort();
        if (!port)
        {
            return Fail(ERROR_ADDRNOTAVAIL);
        }
    }
    m_port = port;
    m_ipv6 = ipv6;
    SetServer(m_server);
    return 0;
}

void
HomaSocket::SetServer(bool server)
{
    m_server = server;
    if (m_port > MAX_SERVER_PORT)
    {
        m_transport->ReleasePort(m_port);
        m_transport->Bind(m_port, m_server && !m_shutRecv ? this : nullptr);
    }
}

bool
HomaSocket::GetServer() const
{
    return m_server;
}

int
HomaSocket::Bind(const Address& address)
{
    Ipv6Address ip;
    uint16_t port;
    if (!Parse(address, ip, port))
    {
        return Fail(ERROR_AFNOSUPPORT);
    }
    if (!IsOurs(ip))
    {
        return Fail(ERROR_ADDRNOTAVAIL);
    }
    if (Take(port, Inet6SocketAddress::IsMatchingType(address)))
    {
        return -1;
    }
    m_local = ip;
    return 0;
}

int
HomaSocket::Bind()
{
    m_local = Ipv6Address::MakeIpv4MappedAddress(Ipv4Address::GetAny());
    return Take(0, false);
}

int
HomaSocket::Bind6()
{
    m_local = Ipv6Address::GetAny();
    return Take(0, true);
}

int
HomaSocket::Close()
{
    if (m_closed)
    {
        return Fail(ERROR_BADF);
    }
    m_closed = true;
    m_queue.clear();
    m_queuedBytes = 0;
    m_issued.clear();
    if (m_transport)
    {
        if (m_port)
        {
            m_transport->ReleasePort(m_port);
        }
        m_transport->Forget(this);
    }
    return 0;
}

int
HomaSocket::ShutdownSend()
{
    m_shutSend = true;
    return 0;
}

int
HomaSocket::ShutdownRecv()
{
    m_shutRecv = true;
    if (m_port)
    {
        m_transport->ReleasePort(m_port);
        m_transport->Bind(m_port, nullptr);
    }
    return 0;
}

int
HomaSocket::Connect(const Address& address)
{
    Ipv6Address ip;
    uint16_t port;
    if (!Parse(address, ip, port))
    {
        Fail(ERROR_AFNOSUPPORT);
        NotifyConnectionFailed();
        return -1;
    }
    m_peer = address;
    NotifyConnectionSucceeded();
    return 0;
}

int
HomaSocket::Listen()
{
    return Fail(ERROR_OPNOTSUPP);
}

uint32_t
HomaSocket::GetTxAvailable() const
{
    return m_transport ? m_transport->GetParameters().max_message : 0;
}

uint64_t
HomaSocket::Issue(Ptr<Packet> message, const Address& to, uint64_t cookie, bool oneWay)
{
    Ipv6Address ip;
    uint16_t port;
    SocketErrno error = ERROR_NOTERROR;
    if (m_closed)
    {
        error = ERROR_BADF;
    }
    else if (m_shutSend)
    {
        error = ERROR_SHUTDOWN;
    }
    else if (!Parse(to, ip, port) || (m_port && !m_ipv6 && !ip.IsIpv4MappedAddress()))
    {
        error = ERROR_AFNOSUPPORT;
    }
    else if (!port || !IsUnicast(ip) || !message->GetSize())
    {
        error = ERROR_INVAL;
    }
    else if (message->GetSize() > GetTxAvailable())
    {
        error = ERROR_MSGSIZE;
    }
    if (error)
    {
        Fail(error);
        return 0;
    }
    if (!m_port && (ip.IsIpv4MappedAddress() ? Bind() : Bind6()))
    {
        return 0;
    }
    if (!m_transport->IsStarted())
    {
        Ptr<HomaL4Protocol> l4 = m_node->GetObject<HomaL4Protocol>();
        NS_ABORT_MSG_UNLESS(l4, "HomaSocket: install Homa on the node first (HomaHelper)");
        l4->Start();
    }
    uint32_t length = message->GetSize();
    HomaRpc* rpc = m_transport->Call(this, ip, m_port, port, length, message->Copy(), cookie);
    if (!rpc)
    {
        Fail(ERROR_MSGSIZE);
        return 0;
    }
    uint64_t id = rpc->GetId();
    m_issued[id] = {rpc, oneWay};
    NotifyDataSent(length);
    NotifySend(GetTxAvailable());
    return id;
}

uint64_t
HomaSocket::SendRequest(Ptr<Packet> message, const Address& to, uint64_t cookie)
{
    return Issue(message, to, cookie, false);
}

int
HomaSocket::SendReply(uint64_t id, const Address& from, Ptr<Packet> message)
{
    Ipv6Address ip;
    uint16_t port;
    if (m_closed)
    {
        return Fail(ERROR_BADF);
    }
    if (m_shutSend)
    {
        return Fail(ERROR_SHUTDOWN);
    }
    if (!Parse(from, ip, port))
    {
        return Fail(ERROR_AFNOSUPPORT);
    }
    uint32_t length = message->GetSize();
    if (length > GetTxAvailable())
    {
        return Fail(ERROR_MSGSIZE);
    }
    HomaRpc* rpc = m_transport->IsStarted() ? m_transport->Find(ip, id) : nullptr;
    if (!rpc || rpc->IsClient() || rpc->GetUser() != this || !length ||
        !m_transport->Reply(rpc, length, message->Copy()))
    {
        return Fail(ERROR_INVAL);
    }
    NotifyDataSent(length);
    NotifySend(GetTxAvailable());
    return 0;
}

int
HomaSocket::Abort(uint64_t id)
{
    std::vector<uint64_t> ids;
    for (const auto& [key, issued] : m_issued)
    {
        if (!id || key == id)
        {
            ids.push_back(key);
        }
    }
    if (id && ids.empty())
    {
        return Fail(ERROR_INVAL);
    }
    std::sort(ids.begin(), ids.end());
    for (uint64_t key : ids)
    {
        auto at = m_issued.find(key);
        if (at != m_issued.end())
        {
            m_transport->Abort(at->second.rpc);
        }
    }
    return 0;
}

uint32_t
HomaSocket::GetNMessages() const
{
    return m_queue.size();
}

void
HomaSocket::Enqueue(const HomaMessage& message)
{
    m_queuedBytes += message.packet ? message.packet->GetSize() : 0;
    m_queue.push_back(message);
    NotifyDataRecv();
}

void
HomaSocket::HandleRequest(HomaRpc* rpc)
{
    HomaMessage message;
    message.packet = rpc->GetReceived();
    message.id = rpc->GetId();
    message.from = Join(rpc->GetPeer(), rpc->GetRemotePort());
    message.isRequest = true;
    Enqueue(message);
}

void
HomaSocket::HandleResponse(HomaRpc* rpc)
{
    auto at = m_issued.find(rpc->GetId());
    bool oneWay = at->second.oneWay;
    m_issued.erase(at);
    if (oneWay)
    {
        return;
    }
    HomaMessage message;
    message.packet = rpc->GetReceived();
    message.id = rpc->GetId();
    message.from = Join(rpc->GetPeer(), rpc->GetRemotePort());
    message.cookie = rpc->cookie;
    Enqueue(message);
}

void
HomaSocket::HandleFailure(HomaRpc* rpc, HomaError error)
{
    m_issued.erase(rpc->GetId());
    HomaMessage message;
    message.id = rpc->GetId();
    message.from = Join(rpc->GetPeer(), rpc->GetRemotePort());
    message.cookie = rpc->cookie;
    message.error = error == HomaError::REFUSED       ? ERROR_NOTCONN
                    : error == HomaError::UNREACHABLE ? ERROR_NOROUTETOHOST
                                                      : ERROR_AGAIN;
    Enqueue(message);
}

void
HomaSocket::HandleFreed(HomaRpc* rpc)
{
    if (rpc->IsClient())
    {
        m_issued.erase(rpc->GetId());
    }
}

bool
HomaSocket::KeepsContent() const
{
    return m_keepContent;
}

std::optional<HomaMessage>
HomaSocket::RecvMessage()
{
    if (m_queue.empty())
    {
        Fail(m_closed ? ERROR_BADF : m_shutRecv ? ERROR_SHUTDOWN : ERROR_AGAIN);
        return std::nullopt;
    }
    HomaMessage message = m_queue.front();
    m_queue.pop_front();
    m_queuedBytes -= message.packet ? message.packet->GetSize() : 0;
    return message;
}

int
HomaSocket::Send(Ptr<Packet> packet, uint32_t flags)
{
    if (m_peer.IsInvalid())
    {
        return Fail(ERROR_NOTCONN);
    }
    return SendTo(packet, flags, m_peer);
}

int
HomaSocket::SendTo(Ptr<Packet> packet, uint32_t flags, const Address& to)
{
    return Issue(packet, to, 0, true) ? static_cast<int>(packet->GetSize()) : -1;
}

uint32_t
HomaSocket::GetRxAvailable() const
{
    return std::min<uint64_t>(m_queuedBytes, std::numeric_limits<uint32_t>::max());
}

Ptr<Packet>
HomaSocket::Recv(uint32_t maxSize, uint32_t flags)
{
    Address from;
    return RecvFrom(maxSize, flags, from);
}

Ptr<Packet>
HomaSocket::RecvFrom(uint32_t maxSize, uint32_t flags, Address& from)
{
    if (!m_queue.empty() && m_queue.front().packet && m_queue.front().packet->GetSize() > maxSize)
    {
        Fail(ERROR_MSGSIZE);
        return nullptr;
    }
    std::optional<HomaMessage> message = RecvMessage();
    if (!message)
    {
        return nullptr;
    }
    from = message->from;
    if (message->error)
    {
        Fail(message->error);
        return nullptr;
    }
    if (message->isRequest)
    {
        Ipv6Address ip;
        uint16_t port;
        Parse(from, ip, port);
        HomaRpc* rpc = m_transport->Find(ip, message->id);
        if (rpc && rpc->GetUser() == this)
        {
            m_transport->Reply(rpc, 1);
        }
    }
    return message->packet;
}

int
HomaSocket::GetSockName(Address& address) const
{
    address = m_ipv6 ? Address(Inet6SocketAddress(m_local, m_port))
                     : Address(InetSocketAddress(m_port ? m_local.GetIpv4MappedAddress()
                                                        : Ipv4Address::GetAny(),
                                                 m_port));
    return 0;
}

int
HomaSocket::GetPeerName(Address& address) const
{
    if (m_peer.IsInvalid())
    {
        return Fail(ERROR_NOTCONN);
    }
    address = m_peer;
    return 0;
}

bool
HomaSocket::SetAllowBroadcast(bool allow)
{
    return !allow;
}

bool
HomaSocket::GetAllowBroadcast() const
{
    return false;
}

} // namespace ns3
