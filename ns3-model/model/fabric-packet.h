/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet of the lean switching fabric, and the two interfaces it is handed to.
 *
 * Whoever puts packets on the fabric (FabricNetDevice for IP datagrams, a transport's host engine
 * for its own) creates a FabricPacket, fills it and passes it to FabricNetDevice::SendFabric().
 * From then on it belongs to the fabric, until it is handed, with its ownership, to the receiving
 * host.
 *
 * A FabricPacket is its own simulator event: a hop costs one event and no allocation, and no
 * ns3::Packet is needed.
 */
#ifndef FABRIC_PACKET_H
#define FABRIC_PACKET_H

#include "fabric-event.h"
#include "fabric-memory.h"

#include "ns3/event-impl.h"
#include "ns3/packet.h"
#include "ns3/ptr.h"

#include <cstddef>
#include <cstdint>

namespace ns3
{

class FabricHostSink;
class FabricPacket;
class FabricPort;

/** Bytes of a frame that occupy the link beside the IP datagram. */
enum FabricFrameBytes : uint32_t
{
    FABRIC_PREAMBLE_BYTES = 8,         //!< Preamble and start-of-frame delimiter.
    FABRIC_ETHERNET_HEADER_BYTES = 14, //!< Two MAC addresses and the EtherType.
    FABRIC_CRC_BYTES = 4,              //!< Frame check sequence.
    FABRIC_GAP_BYTES = 12,             //!< Least gap between two frames.
    FABRIC_OVERHEAD_BYTES = 38,        //!< Sum of the four above.
    FABRIC_MIN_DATAGRAM_BYTES = 46,    //!< Shorter datagrams are padded to this.
};

/** Levels of priority of every queue; 7 is served first. */
constexpr uint32_t FABRIC_PRIORITIES = 8;

/** Most hosts of a fabric. */
constexpr uint32_t FABRIC_MAX_HOSTS = 65535;

/** "No such host", wherever a host index is returned. */
constexpr uint32_t FABRIC_NO_HOST = UINT32_MAX;

/**
 * Where a packet's flight over one link ends: a switch or a host.
 */
class FabricSink
{
  public:
    virtual ~FabricSink() = default;
    /**
     * Take a packet whose last bit has arrived and whose receiver's fixed delay has passed.
     *
     * \param packet The packet, now owned by the callee.
     * \param now Simulator::Now(), in ns.
     */
    virtual void Receive(FabricPacket* packet, uint64_t now) = 0;

    /**
     * Ask for memory that Receive() will look at, while the event before it runs. With many hosts
     * that is far away. Whether this is called makes no difference but in time.
     *
     * \param packet The packet.
     */
    virtual void Expect(const FabricPacket* packet) const
    {
    }
};

/**
 * The lean road's end at a host: a transport's host engine.
 */
class FabricHostSink
{
  public:
    virtual ~FabricHostSink() = default;
    /**
     * Take a lean packet addressed to this host.
     *
     * \param packet The packet, now owned by the callee: call FabricPacket::Release() when done.
     * \param now Simulator::Now(), in ns.
     */
    virtual void ReceiveFabric(FabricPacket* packet, uint64_t now) = 0;
    /**
     * As FabricSink::Expect().
     *
     * \param packet The packet.
     */
    virtual void ExpectFabric(const FabricPacket* packet) const;
    /**
     * Write a lean packet as the IP datagram it stands for. Only called while somebody listens to a
     * sniffer trace source. The default joins the packet's header bytes and its payload, zeros
     * where it carries no payload; override it when the header bytes do not begin with an IP
     * header.
     *
     * \param packet A packet this host sends or receives.
     * \return The datagram, from its IP header on.
     */
    virtual Ptr<Packet> MakeDatagram(const FabricPacket* packet);
    /**
     * The default of MakeDatagram().
     * \param packet A lean packet.
     * \return Its header bytes followed by its payload.
     */
    static Ptr<Packet> JoinDatagram(const FabricPacket* packet);
};

/**
 * A packet travelling over the fabric.
 *
 * The memory comes from the arena, which lives as long as the process: after warm-up no packet
 * costs an allocation, and events still pending at Simulator::Destroy() may outlive the fabric.
 * Ownership is one reference: of the queue it waits in, or of the simulator while it flies.
 *
 * The public fields are the packet; they are written by the sender before it is sent, and read by
 * anybody after.
 */
class FabricPacket final : public EventImpl
{
  public:
    /** Room for header bytes: more than any transport's header has. */
    static constexpr uint32_t HEADER_BYTES = 120;

    /**
     * \return A packet owned by the caller. Every field but the header bytes is zero.
     */
    static FabricPacket* Create()
    {
        return new FabricPacket();
    }

    /** Give the packet back. The caller must own it and must not use it afterwards. */
    void Release()
    {
        Unref();
    }

    /**
     * \param datagramBytes Length of an IP datagram, its header included.
     * \return Bytes it occupies on a link, with padding, preamble, Ethernet header, CRC and gap.
     */
    static uint32_t WireBytes(uint32_t datagramBytes)
    {
        return FABRIC_OVERHEAD_BYTES + (datagramBytes < FABRIC_MIN_DATAGRAM_BYTES
                                            ? uint32_t(FABRIC_MIN_DATAGRAM_BYTES)
                                            : datagramBytes);
    }

    /**
     * The hash that ECMP picks an uplink by. Both roads use it, so they take the same paths.
     *
     * \param src Index of the sending host.
     * \param dst Index of the receiving host.
     * \param protocol IP protocol number.
     * \param ports The first four bytes of the transport's header, first byte highest (the ports).
     * \return The hash.
     */
    static uint32_t FlowHash(uint32_t src, uint32_t dst, uint8_t protocol, uint32_t ports)
    {
        uint64_t x = (uint64_t(src) << 32 | dst) ^ (uint64_t(ports) * 0x9e3779b97f4a7c15ULL) ^
                     (uint64_t(protocol) << 56);
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
        return uint32_t((x ^ (x >> 31)) >> 32);
    }

    /**
     * \return The number of packets created and not yet given back, in the whole process.
     */
    static uint64_t GetOutstanding();

    /**
     * \param size Of the object: always that of a FabricPacket.
     * \return Memory of the arena.
     */
    static void* operator new(std::size_t size);
    /**
     * \param memory To give back.
     */
    static void operator delete(void* memory);

    /** Ask for the memory that landing will need: where the packet comes from and goes to. */
    void Prepare() const;

    // What a hop touches comes first, and is one cache line with the event's own fields: what is of
    // one byte takes the room that those leave before the next multiple of 8.
    uint8_t priority{0};     //!< Queue level, 0 to 7; 7 is served first.
    uint8_t headerBytes : 7; //!< Bytes used in \c header.
    bool lean : 1;           //!< For the host's FabricHostSink, not for its IP stack.
    uint8_t user{0};         //!< The sender's and receiver's own use.

  private:
    friend class FabricEventRef;
    friend class FabricPort;

    FabricEvent m_event; //!< While it flies: its place in FabricScheduler's wheel.
    FabricSink* m_sink;  //!< Where the current flight ends.
    FabricPort* m_port;  //!< The port it left last; that looks at its queue when this one lands.

  public:
    uint32_t wireBytes{0};    //!< Everything that occupies the link; see WireBytes().
    uint32_t hash{0};         //!< For ECMP; see FlowHash().
    uint32_t payloadBytes{0}; //!< Bytes of the datagram after the header bytes.
    uint16_t src{0};          //!< Index of the sending host; SendFabric() sets it.
    uint16_t dst{0};          //!< Index of the receiving host.
    /** Ordinary road: the IP datagram. Lean road: the payload; null if only its length counts. */
    Ptr<Packet> packet;
    uint8_t header[HEADER_BYTES]; //!< Lean road: the datagram's first \c headerBytes bytes.

  private:
    /** Not defaulted: then Create() would zero the header bytes, too, which takes time. */
    FabricPacket()
        : headerBytes(0),
          lean(false)
    {
    }

    ~FabricPacket() override = default;
    void Notify() override;
};

inline EventImpl*
FabricEventRef::GetImpl() const
{
    return IsNode() ? GetNode()->impl : GetPacket();
}

inline FabricEvent&
FabricEventRef::Get() const
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
    static_assert(offsetof(FabricPacket, m_event) == offsetof(FabricNode, event),
                  "whether an event is a packet makes a difference to where its place is");
    static_assert(offsetof(FabricPacket, packet) == HOMA_ARENA_LINE,
                  "what a hop touches of a packet is not one cache line");
#pragma GCC diagnostic pop
    return *reinterpret_cast<FabricEvent*>(static_cast<char*>(GetAddress()) +
                                           offsetof(FabricNode, event));
}

} // namespace ns3

#endif /* FABRIC_PACKET_H */
