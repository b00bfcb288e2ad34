/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Homa's packet header as an ns-3 Header, for whoever handles Homa packets as ns3::Packet: the
 * ordinary road, tests, traces. Formats and checks are those of the protocol core.
 */
#ifndef HOMA_HEADER_H
#define HOMA_HEADER_H

#include "homa-host.h"

#include "ns3/header.h"

namespace ns3
{

/**
 * \brief The bytes between the IP header and a Homa packet's data.
 */
class HomaHeader : public Header
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    HomaHeader();
    ~HomaHeader() override;

    /** \param packet What the header says. */
    void Set(const homa_packet& packet);
    /**
     * Decode and validate.
     * \param packet Filled in; undefined when the packet must be dropped.
     * \param length Bytes after the IP header.
     * \param maxMessage Longest message accepted, bytes.
     * \return Whether the packet is valid.
     */
    bool Decode(homa_packet& packet,
                uint32_t length,
                uint32_t maxMessage = HOMA_MESSAGE_CEILING) const;
    /** \return A member of enum homa_packet_type, if the packet is valid. */
    uint8_t GetType() const;

    // Inherited from Header
    TypeId GetInstanceTypeId() const override;
    void Print(std::ostream& os) const override;
    uint32_t GetSerializedSize() const override;
    void Serialize(Buffer::Iterator start) const override;
    uint32_t Deserialize(Buffer::Iterator start) override;

  private:
    uint8_t m_bytes[HOMA_MAX_HEADER]; //!< The header.
    uint32_t m_length{0};             //!< Bytes of it.
};

} // namespace ns3

#endif /* HOMA_HEADER_H */
