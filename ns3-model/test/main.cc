/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Test runner of the build against an installed ns-3: its options are those of ns-3's own (--help
 * lists them). Without options, every suite of this module is run.
 */
#include "ns3/test.h"

int
main(int argc, char* argv[])
{
    return ns3::TestRunner::Run(argc, argv);
}
