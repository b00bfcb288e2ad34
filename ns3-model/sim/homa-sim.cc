/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulator program: an experiment on the command line, slowdowns on standard output, result
 * files in a folder.
 */
#include "report.h"

#include <cstdio>

int
main(int argc, char** argv)
{
    Options options = ParseOptions(argc, argv);
    Experiment experiment(options);
    if (!options.out.empty())
    {
        std::string wrong = PrepareReport(options.out);
        if (!wrong.empty())
        {
            std::fprintf(stderr, "homa-sim: %s\n", wrong.c_str());
            return 2;
        }
    }
    experiment.Run();
    PrintReport(experiment);
    if (!options.out.empty())
    {
        std::string wrong = WriteReport(experiment, options.out);
        if (!wrong.empty())
        {
            std::fprintf(stderr, "homa-sim: %s\n", wrong.c_str());
            return 1;
        }
    }
    if (!experiment.GetFindings().issued)
    {
        std::fprintf(stderr,
                     "homa-sim: no request began in the measured time; raise --messages or "
                     "--duration\n");
        return 1;
    }
    return 0;
}
