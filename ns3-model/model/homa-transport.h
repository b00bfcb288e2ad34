/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host's Homa: the protocol core as an ns-3 object.
 *
 * Applications and sockets issue and answer RPCs through HomaTransport and hear of them as a
 * HomaUser. Packets leave and arrive through a HomaOutput: HomaFabricOutput on the lean road,
 * HomaL4Protocol on an ordinary InternetStack.
 */
#ifndef HOMA_TRANSPORT_H
#define HOMA_TRANSPORT_H

#include "fabric-memory.h"
#include "fabric-trace.h"

#include "ns3/ipv6-address.h"
#include "ns3/object.h"
#include "ns3/packet.h"
#include "ns3/traced-callback.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

struct homa_address;
struct homa_host;
struct homa_host_rpc;
struct homa_host_peer;
struct homa_packet;
struct homa_quote;
struct homa_params;
struct homa_counters;

namespace ns3
{

class HomaRpc;
class HomaTransport;
class HomaTimerEvent;

/** Why an RPC failed. */
enum class HomaError
{
    TIMED_OUT,   //!< The peer did not answer (ETIMEDOUT).
    REFUSED,     //!< Nobody serves the port (ENOTCONN).
    UNREACHABLE, //!< No way to the host (EHOSTUNREACH).
};

/**
 * Who issues or serves RPCs: an application, or a socket.
 */
class HomaUser
{
  public:
    virtual ~HomaUser() = default;
    /**
     * A request has arrived in full. It may be answered at once or later; until then
     * HandleFreed() may tell that its client no longer waits.
     * \param rpc The RPC.
     */
    virtual void HandleRequest(HomaRpc* rpc);
    /**
     * A response has arrived in full. The RPC is gone when this returns.
     * \param rpc The RPC.
     */
    virtual void HandleResponse(HomaRpc* rpc);
    /**
     * An RPC of ours will have no response. It is gone when this returns.
     * \param rpc The RPC.
     * \param error Why.
     */
    virtual void HandleFailure(HomaRpc* rpc, HomaError error);
    /**
     * An RPC is being forgotten; called last for each, on either side.
     * \param rpc The RPC.
     */
    virtual void HandleFreed(HomaRpc* rpc);
    /** \return Whether the content of received messages is kept, or only its length. */
    virtual bool KeepsContent() const;
};

/**
 * An RPC, on either side. Made by HomaTransport, and freed by it after HomaUser::HandleFreed().
 */
class HomaRpc : public FabricMemory
{
  public:
    /** \return Its id as this side names it: even on the client, odd on the server. */
    uint64_t GetId() const;
    /** \return Whether this is the client's side. */
    bool IsClient() const;
    /** \return Address of the other side; IPv4 addresses are IPv4-mapped. */
    Ipv6Address GetPeer() const;
    /** \return Port of this side. */
    uint16_t GetLocalPort() const;
    /** \return Port of the other side. */
    uint16_t GetRemotePort() const;
    /** \return Bytes of the message received; 0 before its first packet. */
    uint32_t GetReceivedLength() const;
    /** \return Bytes of the message sent; 0 on a server that has not answered. */
    uint32_t GetSentLength() const;
    /** \return The message received in full; zeros where its content was not simulated. */
    Ptr<Packet> GetReceived() const;
    /** \return When the RPC began on this side, ns. */
    uint64_t GetStartNs() const;
    /** \return Who issues or serves it. */
    HomaUser* GetUser() const;

    uint64_t cookie{0}; //!< The user's own.

  private:
    friend class HomaTransport;
    friend struct HomaHostOps;
    homa_host_rpc* m_core{nullptr};                        //!< The protocol's part.
    HomaUser* m_user{nullptr};                             //!< Who issues or serves it.
    uint64_t m_startNs{0};                                 //!< See GetStartNs().
    Ptr<Packet> m_out;                                     //!< Content to send, or null.
    std::unique_ptr<std::map<uint32_t, Ptr<Packet>>> m_in; //!< Content received, by offset.
};

/**
 * Where a transport's packets go.
 */
class HomaOutput
{
  public:
    virtual ~HomaOutput() = default;
    /**
     * Send a packet.
     * \param peer Where to; its place is for the output.
     * \param packet Header fields, for homa_wire_encode().
     * \param content Bytes of the message after the header; null for control packets and for
     * messages whose content is not simulated. \param priority For the IP header, 0 to 7.
     */
    virtual void Send(struct homa_host_peer* peer,
                      const homa_packet& packet,
                      Ptr<Packet> content,
                      uint8_t priority) = 0;
};

/**
 * \brief A host's Homa.
 *
 * Its attributes are the protocol's parameters, generated from the core's table: UnschedBytes is
 * the core's unsched_bytes, and so on. They take effect when the transport starts and can be
 * changed while it runs.
 */
class HomaTransport : public Object, public FabricObjectMemory
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    HomaTransport();
    ~HomaTransport() override;

    /** What a packet costs on the link; see struct homa_host_link. */
    struct Link
    {
        uint32_t mtu{1500};    //!< Largest IP datagram, bytes; at least 120.
        uint32_t framing{38};  //!< Bytes around each datagram.
        uint32_t minFrame{46}; //!< Shorter datagrams are padded to this, bytes.
        bool freeResponses{
            false};       //!< Responses take no time on links: for measuring what they cost.
        uint64_t rate{0}; //!< bit/s; 0: as the parameter link_mbps says.
    };

    /**
     * Begin to work. Attributes are read, and checked against each other.
     * \param output Where packets go; outlives this object or is replaced by null.
     * \param link What they cost.
     */
    void Start(HomaOutput* output, const Link& link);
    /** \return Whether Start() has been called. */
    bool IsStarted() const;

    /**
     * Serve a port.
     * \param port 1 to 65535.
     * \param user Who answers.
     * \return False if the port is taken.
     */
    bool Bind(uint16_t port, HomaUser* user);
    /**
     * Take a free client port, 32768 to 65535. Requests to it are refused unless it is also bound.
     * \return The port, or 0 if none is free.
     */
    uint16_t AllocatePort();
    /** \param port Bound or allocated. */
    void ReleasePort(uint16_t port);

    /**
     * Issue a request.
     * \param user Who hears of it.
     * \param to Server's address; IPv4-mapped for IPv4.
     * \param localPort Client's port.
     * \param remotePort Server's port.
     * \param length Bytes, 1 to MaxMessage.
     * \param content The bytes, or null if they are not simulated.
     * \param cookie For HomaRpc::cookie.
     * \return The RPC, or null if the length is out of range, or there are PeerNetMax other peers.
     */
    HomaRpc* Call(HomaUser* user,
                  Ipv6Address to,
                  uint16_t localPort,
                  uint16_t remotePort,
                  uint32_t length,
                  Ptr<Packet> content = nullptr,
                  uint64_t cookie = 0);
    /**
     * Answer a request.
     * \param rpc From HomaUser::HandleRequest(), not answered before.
     * \param length Bytes, 1 to MaxMessage.
     * \param content The bytes, or null if they are not simulated.
     * \return False if the RPC does not wait for an answer or the length is out of range.
     */
    bool Reply(HomaRpc* rpc, uint32_t length, Ptr<Packet> content = nullptr);
    /**
     * Forget an RPC; its user hears only HandleFreed().
     * \param rpc Not within HandleResponse() or HandleFailure() of the same RPC.
     */
    void Abort(HomaRpc* rpc);
    /**
     * Forget all RPCs of a user, whether it issued them or serves them; it hears nothing more of
     * them. \param user The user, which may be deleted after this.
     */
    void Forget(HomaUser* user);
    /**
     * \param peer Address of the other side.
     * \param id As this side names it.
     * \return The RPC, or null.
     */
    HomaRpc* Find(Ipv6Address peer, uint64_t id);

    /**
     * A packet has arrived.
     * \param from Sender's address; see struct HomaAddress.
     * \param bytes What follows the IP header.
     * \param readable Bytes that may be read at \p bytes.
     * \param length Bytes after the IP header.
     * \param payload The bytes after the Homa header, or null if they are not simulated.
     * \return False if it was a request to a port that nobody serves.
     */
    bool Receive(const homa_address& from,
                 const uint8_t* bytes,
                 uint32_t readable,
                 uint32_t length,
                 Ptr<Packet> payload);
    /**
     * The network says that a peer, or one of its ports, cannot be reached.
     * \param peer The peer.
     * \param quote What an ICMP error quotes; null: this host itself knows no way to the peer.
     * \param error What the RPCs that are meant fail with.
     */
    void Unreachable(Ipv6Address peer, const homa_quote* quote, HomaError error);

    /**
     * \return Parameters, valid until Start() or the end of this object; call UpdateParameters()
     * after a change.
     */
    homa_params& GetParameters();
    /** Make changed parameters take effect; they are fatal if they do not fit together. */
    void UpdateParameters();
    /** \return Counters since the start. */
    const homa_counters& GetCounters() const;
    /**
     * Fit the priority cutoffs to a distribution of message sizes known in advance, and start from
     * them. \param draw Returns a size, bytes. \param draws Number of sizes to draw.
     */
    void LearnSizes(const std::function<uint32_t()>& draw, uint32_t draws);

    /** \return Where what every packet touches of this object begins. */
    const void* GetLine() const
    {
        return &m_host;
    }

    /** \return The protocol's host; for tests and reports. */
    const homa_host& GetHost() const;

    /**
     * TracedCallback of messages.
     * \param rpc The RPC it belongs to.
     * \param length Bytes.
     */
    typedef void (*MessageCallback)(const HomaRpc* rpc, uint32_t length);
    /**
     * TracedCallback of packets.
     * \param packet Decoded or to be encoded.
     * \param peer The other side.
     * \param priority On the wire; 0 for received ones.
     */
    typedef void (*PacketCallback)(const homa_packet& packet, Ipv6Address peer, uint8_t priority);
    /**
     * TracedCallback of grants.
     * \param rpc Whose message is granted.
     * \param offset Bytes below it may be sent.
     * \param priority Level.
     */
    typedef void (*GrantCallback)(const HomaRpc* rpc, uint32_t offset, uint8_t priority);

  private:
    friend class HomaTimerEvent;
    friend struct HomaHostOps;

    /** Gives a host's memory back. */
    struct HostDeleter
    {
        /** \param host Its memory; it has been destroyed. */
        void operator()(homa_host* host) const;
    };

    void DoDispose() override;
    /** Have one copy of the parameters for hosts that have the same: it stays in the caches. */
    void ShareParameters();
    /**
     * Set a parameter; accessor of an attribute.
     * \tparam AT Offset in struct homa_params.
     * \param value The value.
     */
    template <std::size_t AT>
    void SetParameter(uint64_t value);
    /**
     * Get a parameter; accessor of an attribute.
     * \tparam AT Offset in struct homa_params.
     * \return The value.
     */
    template <std::size_t AT>
    uint64_t GetParameter() const;

    // What every packet touches comes first.
    std::unique_ptr<homa_host, HostDeleter> m_host;  //!< The protocol.
    HomaOutput* m_output{nullptr};                   //!< Where packets go.
    Ptr<Packet> m_payload;                           //!< Of the packet being received.
    bool m_started{false};                           //!< See IsStarted().
    bool m_refused{false};                           //!< The packet being received was refused.
    uint16_t m_nextPort{0x8000};                     //!< Next client port to try.
    uint32_t m_historyPlaces;                        //!< Finished requests remembered.
    Ptr<HomaTimerEvent> m_timers[2];                 //!< By enum homa_host_timer.
    std::shared_ptr<homa_params> m_params;           //!< Others that have the same may share it.
    std::unordered_map<uint16_t, HomaUser*> m_ports; //!< Users by port; null: a client's.
    TracedCallback<const HomaRpc*, uint32_t> m_messageSent;     //!< Handed to the transport.
    TracedCallback<const HomaRpc*, uint32_t> m_messageReceived; //!< Complete.
    TracedCallback<const HomaRpc*, uint32_t> m_messageAborted;  //!< Failed or forgotten unfinished.
    FabricTrace<const homa_packet&, Ipv6Address, uint8_t> m_packetSent;     //!< Any type.
    FabricTrace<const homa_packet&, Ipv6Address, uint8_t> m_packetReceived; //!< Valid ones.
    FabricTrace<const HomaRpc*, uint32_t, uint8_t> m_granted;               //!< Grants sent.
};

} // namespace ns3

#endif /* HOMA_TRANSPORT_H */
