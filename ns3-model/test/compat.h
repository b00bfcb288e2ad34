/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test suites need to know of differences between ns-3 versions; nothing else of them
 * does.
 *
 * ns-3 3.37 has plain enumerations for the type of a suite and the duration of a case, later
 * versions scoped ones with other names.
 */
#ifndef HOMA_TEST_COMPAT_H
#define HOMA_TEST_COMPAT_H

#include "ns3/test.h"

namespace ns3
{

/** Type of a suite: unit test. A qualified name that plain and scoped enumerations both have. */
constexpr TestSuite::Type HOMA_TEST_UNIT = TestSuite::Type::UNIT;

/** Type of a suite: system test. */
constexpr TestSuite::Type HOMA_TEST_SYSTEM = TestSuite::Type::SYSTEM;

} // namespace ns3

#endif /* HOMA_TEST_COMPAT_H */
