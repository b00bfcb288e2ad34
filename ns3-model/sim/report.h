/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a simulation prints and writes. plots/README.md states the formats of the files.
 */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "experiment.h"

/**
 * Print a summary and the table of slowdowns on standard output.
 * \param experiment After its run.
 */
void PrintReport(Experiment& experiment);

/**
 * Write the result files.
 * \param experiment After its run.
 * \param directory Where to; made if missing. Files of an earlier run are replaced.
 * \return Empty, or what went wrong, in one line.
 */
std::string WriteReport(Experiment& experiment, const std::string& directory);

/**
 * See that result files can be written, before the run.
 * \param directory Where to; made if missing.
 * \return Empty, or what is wrong, in one line.
 */
std::string PrepareReport(const std::string& directory);

#endif /* SIM_REPORT_H */
