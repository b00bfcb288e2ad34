/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Homa's packet header; see homa-header.h.
 */
#include "homa-header.h"

#include <algorithm>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(HomaHeader);

/** Where the type is in every header. */
static constexpr uint32_t TYPE_AT = 11;

TypeId
HomaHeader::GetTypeId()
{
    static TypeId tid = TypeId("ns3::HomaHeader")
                            .SetParent<Header>()
                            .SetGroupName("Homa")
                            .AddConstructor<HomaHeader>();
    return tid;
}

HomaHeader::HomaHeader() = default;
HomaHeader::~HomaHeader() = default;

void
HomaHeader::Set(const homa_packet& packet)
{
    m_length = homa_wire_encode(m_bytes, &packet);
}

bool
HomaHeader::Decode(homa_packet& packet, uint32_t length, uint32_t maxMessage) const
{
    return !homa_wire_decode(&packet, m_bytes, m_length, length, maxMessage);
}

uint8_t
HomaHeader::GetType() const
{
    return m_length > TYPE_AT ? m_bytes[TYPE_AT] : 0;
}

TypeId
HomaHeader::GetInstanceTypeId() const
{
    return GetTypeId();
}

void
HomaHeader::Print(std::ostream& os) const
{
    struct homa_packet packet;
    /* The whole packet's length is not known here: any that the validator cannot call short. */
    if (!Decode(packet, HOMA_MESSAGE_CEILING))
    {
        os << "invalid";
        return;
    }
    os << homa_wire_type_name(packet.type) << " " << packet.sport << " > " << packet.dport << " id "
       << packet.sender_id;
    if (packet.type == HOMA_DATA)
    {
        os << " offset " << packet.data.offset << " of " << packet.data.message_length;
    }
    else if (packet.type == HOMA_GRANT)
    {
        os << " offset " << packet.grant.offset;
    }
}

uint32_t
HomaHeader::GetSerializedSize() const
{
    return m_length;
}

void
HomaHeader::Serialize(Buffer::Iterator start) const
{
    start.Write(m_bytes, m_length);
}

uint32_t
HomaHeader::Deserialize(Buffer::Iterator start)
{
    uint32_t there = std::min<uint32_t>(start.GetRemainingSize(), sizeof(m_bytes));
    start.Read(m_bytes, there);
    m_length = there;
    uint32_t length = homa_wire_header_length(GetType());
    m_length = length ? std::min(length, there) : there;
    return m_length;
}

} // namespace ns3
