/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Homa for applications, as a socket.
 */
#ifndef HOMA_SOCKET_H
#define HOMA_SOCKET_H

#include "homa-transport.h"

#include "ns3/socket.h"

#include <deque>
#include <optional>
#include <unordered_map>

namespace ns3
{

/** A message taken from a HomaSocket, or what became of one that it sent. */
struct HomaMessage
{
    Ptr<Packet> packet;    //!< The message; null if the RPC failed.
    uint64_t id{0};        //!< The RPC, as this side names it.
    Address from;          //!< The other side: InetSocketAddress or Inet6SocketAddress.
    uint64_t cookie{0};    //!< As given to HomaSocket::SendRequest(); 0 for requests.
    bool isRequest{false}; //!< A request: answer it with HomaSocket::SendReply().
    /** Why the RPC failed: ERROR_NOTERROR, ERROR_AGAIN (timed out), ERROR_NOTCONN,
     * ERROR_NOROUTETOHOST. */
    Socket::SocketErrno error{Socket::ERROR_NOTERROR};
};

/**
 * \brief A Homa socket.
 *
 * SendRequest(), SendReply() and RecvMessage() are Homa's interface. One socket can be client and
 * server at once, to any number of peers; Connect() only sets a default peer. Ports 1 to 32767 are
 * for servers, which Bind() to them; a socket not bound to one gets a client port and refuses
 * requests, unless its attribute Server is set.
 *
 * Programs written for datagram sockets work too: Send() and SendTo() send one-way messages, which
 * are RPCs whose response is swallowed; Recv() and RecvFrom() answer the requests they take with
 * the shortest response, one byte, and return null with GetErrno() set when it is a failed RPC's
 * turn. They never cut a message: one longer than maxSize stays in the queue.
 *
 * ns-3 has no ETIMEDOUT among its socket errors: an RPC whose peer does not answer fails with
 * ERROR_AGAIN.
 */
class HomaSocket : public Socket, private HomaUser
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    HomaSocket();
    ~HomaSocket() override;

    static constexpr uint16_t MAX_SERVER_PORT = 32767; //!< Highest port that Bind() takes.

    /** \param node Where the socket is; for HomaSocketFactory. */
    void SetNode(Ptr<Node> node);

    /**
     * Issue a request.
     * \param message The request, 1 to MaxMessage bytes.
     * \param to Server: InetSocketAddress or Inet6SocketAddress.
     * \param cookie Comes back with the response.
     * \return The RPC's id, or 0: see GetErrno().
     */
    uint64_t SendRequest(Ptr<Packet> message, const Address& to, uint64_t cookie = 0);
    /**
     * Answer a request.
     * \param id From HomaMessage.
     * \param from From HomaMessage.
     * \param message The response, 1 to MaxMessage bytes.
     * \return 0, or -1: ERROR_INVAL if the RPC does not wait for an answer, for example because
     *         its client has given up.
     */
    int SendReply(uint64_t id, const Address& from, Ptr<Packet> message);
    /** \return The next request, response or failure; nothing (ERROR_AGAIN) if there is none. */
    std::optional<HomaMessage> RecvMessage();
    /**
     * Forget an RPC issued here; nothing more will be heard of it.
     * \param id From SendRequest(); 0: all.
     * \return 0, or -1 (ERROR_INVAL) if there is no such RPC in progress.
     */
    int Abort(uint64_t id);
    /** \return Number of messages and failures that can be taken. */
    uint32_t GetNMessages() const;

    // Inherited from Socket
    enum SocketErrno GetErrno() const override;
    enum SocketType GetSocketType() const override;
    Ptr<Node> GetNode() const override;
    int Bind(const Address& address) override;
    int Bind() override;
    int Bind6() override;
    int Close() override;
    int ShutdownSend() override;
    int ShutdownRecv() override;
    int Connect(const Address& address) override;
    int Listen() override;
    uint32_t GetTxAvailable() const override;
    int Send(Ptr<Packet> packet, uint32_t flags) override;
    int SendTo(Ptr<Packet> packet, uint32_t flags, const Address& to) override;
    uint32_t GetRxAvailable() const override;
    Ptr<Packet> Recv(uint32_t maxSize, uint32_t flags) override;
    Ptr<Packet> RecvFrom(uint32_t maxSize, uint32_t flags, Address& from) override;
    int GetSockName(Address& address) const override;
    int GetPeerName(Address& address) const override;
    bool SetAllowBroadcast(bool allow) override;
    bool GetAllowBroadcast() const override;
    using Socket::Recv;
    using Socket::RecvFrom;
    using Socket::Send;
    using Socket::SendTo;

  private:
    /** An RPC issued here. */
    struct Issued
    {
        HomaRpc* rpc{nullptr}; //!< The RPC.
        bool oneWay{false};    //!< Its response is swallowed.
    };

    void DoDispose() override;
    void HandleRequest(HomaRpc* rpc) override;
    void HandleResponse(HomaRpc* rpc) override;
    void HandleFailure(HomaRpc* rpc, HomaError error) override;
    void HandleFreed(HomaRpc* rpc) override;
    bool KeepsContent() const override;

    /**
     * \param error What went wrong.
     * \return -1.
     */
    int Fail(SocketErrno error) const;
    /**
     * Take an address apart.
     * \param address InetSocketAddress or Inet6SocketAddress.
     * \param ip Its IP address, IPv4-mapped for IPv4.
     * \param port Its port.
     * \return Whether it is one.
     */
    static bool Parse(const Address& address, Ipv6Address& ip, uint16_t& port);
    /**
     * \param ip IPv4-mapped for IPv4.
     * \param port A port.
     * \return The two as a socket address.
     */
    static Address Join(Ipv6Address ip, uint16_t port);
    /**
     * Take a port.
     * \param port The port; 0: any client port.
     * \param ipv6 Whether the socket is for IPv6 too.
     * \return 0 or -1.
     */
    int Take(uint16_t port, bool ipv6);
    /**
     * \param ip An address, IPv4-mapped for IPv4.
     * \return Whether it can be one host's.
     */
    static bool IsUnicast(Ipv6Address ip);
    /**
     * \param ip An address.
     * \return Whether the node has it.
     */
    bool IsOurs(Ipv6Address ip) const;
    /**
     * Issue a request.
     * \param message The request.
     * \param to The server.
     * \param cookie The user's.
     * \param oneWay Whether to swallow the response.
     * \return The RPC's id, or 0.
     */
    uint64_t Issue(Ptr<Packet> message, const Address& to, uint64_t cookie, bool oneWay);
    /**
     * Put a message into the queue and tell the user.
     * \param message The message.
     */
    void Enqueue(const HomaMessage& message);
    /** \param server See the attribute Server. */
    void SetServer(bool server);
    /** \return See the attribute Server. */
    bool GetServer() const;

    Ptr<Node> m_node;                              //!< Where it is.
    Ptr<HomaTransport> m_transport;                //!< Of the node.
    mutable SocketErrno m_errno{ERROR_NOTERROR};   //!< Of the last call that failed.
    uint16_t m_port{0};                            //!< Ours; 0: not bound.
    Ipv6Address m_local;                           //!< As given to Bind().
    bool m_ipv6{false};                            //!< Bound for IPv6 too.
    bool m_server{false};                          //!< Takes requests at a client port.
    bool m_keepContent{true};                      //!< See the attribute.
    bool m_closed{false};                          //!< Close() was called.
    bool m_shutSend{false};                        //!< ShutdownSend() was called.
    bool m_shutRecv{false};                        //!< ShutdownRecv() was called.
    Address m_peer;                                //!< Of Connect().
    std::deque<HomaMessage> m_queue;               //!< Messages not taken yet.
    uint64_t m_queuedBytes{0};                     //!< In m_queue.
    std::unordered_map<uint64_t, Issued> m_issued; //!< RPCs in progress, by id.
};

} // namespace ns3

#endif /* HOMA_SOCKET_H */
